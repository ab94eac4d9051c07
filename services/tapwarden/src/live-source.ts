/** Where live traffic comes from, as the command line names it: an interface, a mirror's datagrams, or a folder of rotating captures. */

import { UserError } from '@tapwarden/runtime/user-error'
import type { CaptureConfig } from '@tapwarden/service-capture/config'
import { FollowedFolderSource } from '@tapwarden/service-capture/followed-folder'
import { type FrameSource, FrameSourceError } from '@tapwarden/service-capture/frame-source'
import { type ListenPlace, listenPlaceText, parseListenPlace } from '@tapwarden/service-capture/listen-place'
import { type LiveInterfaceOptions, LiveInterfaceSource, tryInterface } from '@tapwarden/service-capture/live-interface'
import { TunnelListenerSource } from '@tapwarden/service-capture/tunnel-listener'
import { isRead, ownPortOf } from '@tapwarden/service-capture/tunnel-options'
import { counted } from './output.js'
import { sourceFault } from './sensor.js'

export interface SourceFlags {
  readonly interface?: string
  readonly filter?: string
  readonly listen?: readonly string[]
  readonly follow?: string
}

export type WantedSource =
  | { readonly kind: 'interface'; readonly options: LiveInterfaceOptions }
  | { readonly kind: 'listen'; readonly places: readonly ListenPlace[] }
  | { readonly kind: 'follow'; readonly folder: string }

const waysToWatch = '--interface NAME, --listen vxlan://ADDRESS:PORT or --follow DIR'

/** Throws `UserError` unless the flags name exactly one. */
export function wantedSource(flags: SourceFlags, config: CaptureConfig): WantedSource {
  const { interface: interfaceName, listen, follow, filter } = flags
  const named = [interfaceName, listen, follow].filter((each) => each !== undefined)
  if (named.length > 1) throw new UserError('usage', `watch one at a time: ${waysToWatch}`)
  if (filter !== undefined && interfaceName === undefined) {
    throw new UserError(
      'usage',
      '--filter goes with --interface; what is listened for or followed is filtered by whoever sends or writes it',
    )
  }
  if (interfaceName !== undefined) {
    const { program, bufferKib, restartMaxCount } = config.live
    const options = { interfaceName, program, bufferKib, restartMaxCount, ...(filter === undefined ? {} : { filter }) }
    return { kind: 'interface', options }
  }
  if (listen !== undefined) {
    const places = asUserError(() => listen.map(parseListenPlace))
    for (const { kind } of places) mustBeRead(kind, config)
    return { kind: 'listen', places }
  }
  if (follow !== undefined) return { kind: 'follow', folder: follow }
  throw new UserError('usage', `say what to watch: ${waysToWatch}; replay and capture take files as well`)
}

/** What is taken at any port is read as if it came to the tunnel's own. */
function mustBeRead(kind: ListenPlace['kind'], config: CaptureConfig): void {
  if (isRead(config.tunnels, kind)) return
  throw new UserError('config', `--listen ${kind}: capture.tunnels does not read ${kind} on port ${ownPortOf(kind)}`)
}

/** Begins it and lets go, so that what stands in the way is heard before anything else is started. Throws `UserError`. */
export async function trySource(wanted: WantedSource, config: CaptureConfig): Promise<void> {
  try {
    if (wanted.kind === 'interface') await tryInterface(wanted.options)
    else {
      const source = sourceOf(wanted, config)
      try {
        await Promise.race([source.capturing, source.frames({ frame: () => undefined })])
      } finally {
        await source.stop()
      }
    }
  } catch (error) {
    throw error instanceof FrameSourceError ? sourceFault(error) : error
  }
}

export interface OpenedSource {
  readonly source: FrameSource
  /** Resolves when it watches; stays pending when it never does. */
  readonly capturing: Promise<void>
  /** Why nothing is watched now; undefined when something is. */
  readonly fault: () => string | undefined
  /** What is watched, for people; of a port that was any, the one it became once it watches. */
  readonly what: () => string
  /** The filter in force. */
  readonly filter: string | undefined
  /** Of a folder: the time of the newest frame handed on. */
  readonly lastFrameUs: () => number | undefined
  /** It can be held back: nothing is lost while it waits, as far as its writer leaves it room. */
  readonly canWait: boolean
}

export interface OpenSourceOptions {
  readonly excludedPorts?: readonly number[]
  readonly onRestarted?: (warning: string) => void
  /** Of a folder: frames before this time were dealt with. */
  readonly fromUs?: number | undefined
}

export function openSource(wanted: WantedSource, config: CaptureConfig, options: OpenSourceOptions = {}): OpenedSource {
  const { excludedPorts = [], onRestarted = () => undefined } = options
  if (wanted.kind === 'interface') {
    const source = new LiveInterfaceSource({ ...wanted.options, excludedPorts, onRestarted })
    const what = () => `${wanted.options.interfaceName} with ${source.programName}`
    const fault = () => (source.isCapturing ? undefined : `${source.programName} does not run`)
    return { ...common(source), what, fault, filter: source.effectiveFilter }
  }
  if (wanted.kind === 'listen') {
    const source = new TunnelListenerSource({ places: wanted.places, ...config.listen })
    return { ...common(source), what: () => boundPlaces(wanted.places, source.ports), filter: undefined }
  }
  const source = followed(wanted.folder, config, options.fromUs)
  const what = () => `the folder ${wanted.folder}`
  return { ...common(source), what, filter: undefined, lastFrameUs: () => source.lastFrameUs, canWait: true }
}

function common(source: FrameSource & { readonly capturing: Promise<void> }) {
  const fault = (): undefined => undefined
  return { source, capturing: source.capturing, fault, lastFrameUs: () => undefined, canWait: false }
}

function sourceOf(wanted: Exclude<WantedSource, { kind: 'interface' }>, config: CaptureConfig) {
  return wanted.kind === 'listen'
    ? new TunnelListenerSource({ places: wanted.places, ...config.listen })
    : followed(wanted.folder, config, Number.POSITIVE_INFINITY)
}

function followed(folder: string, config: CaptureConfig, fromUs: number | undefined): FollowedFolderSource {
  const { pollMs } = config.follow
  return new FollowedFolderSource({ folder, pollMs, ...(fromUs === undefined ? {} : { fromUs }) })
}

function boundPlaces(places: readonly ListenPlace[], ports: readonly number[]): string {
  const texts = places.map((place, i) => listenPlaceText({ ...place, port: ports[i] ?? place.port }))
  return texts.length === 1 ? (texts[0] ?? '') : `${counted(texts.length, 'place')}: ${texts.join(', ')}`
}

function asUserError<Result>(run: () => Result): Result {
  try {
    return run()
  } catch (error) {
    throw error instanceof FrameSourceError ? sourceFault(error) : error
  }
}
