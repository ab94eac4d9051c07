/**
 * The parent's side of the embedded engine: start it on a folder, or attach to the one that runs there.
 *
 * One process holds a folder. chdb's own file lock decides who, so a crash leaves nothing to clean up; `endpoint.json` only says
 * where the holder listens, and one that no living engine answers for is taken as stale.
 */

import { type ChildProcess, fork } from 'node:child_process'
import { dirname, join, sep } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { makeFolder } from '@tapwarden/runtime/make-folder'
import { StoreUnavailable } from '../store.js'
import { readLiveEndpoint, type StoreEndpoint } from './endpoint-file.js'
import { blockFolderOf, defaultEngineLimits, type EngineLimits } from './engine-config.js'
import { type FromEngine, type ToEngine, threadPoolSize } from './engine-messages.js'

export interface EngineOptions {
  readonly storeDir: string
  readonly logger: EngineLogger
  /** 0 or absent: any free port. */
  readonly port?: number
  readonly limits?: Partial<EngineLimits>
  /** How long a folder may stay locked by a process that does not answer (one that is just dying) before we give up. */
  readonly heldWaitMs?: number
}

/** The part of a logger that the engine uses; pino's satisfies it. */
export interface EngineLogger {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

export interface Engine extends StoreEndpoint {
  /** False: another stack's engine; `stop` only lets go of it. */
  readonly owned: boolean
  /** Where an engine of ours reads files by their names: a block that lies there needs no way through the socket. Undefined of another's. */
  readonly blockFolder?: string
  /** Rejects with `StoreUnavailable` when the engine ends though nobody stopped it. Never resolves. */
  readonly failed: Promise<never>
  /** Resolves when the process is gone; running statements finish first. */
  stop(): Promise<void>
}

/** Another living process holds the store folder. */
export class StoreHeld extends Error {
  override readonly name = 'StoreHeld'
  readonly url: string | undefined
  readonly pid: number | undefined
  constructor(storeDir: string, holder: Pick<StoreEndpoint, 'url' | 'pid'> | undefined) {
    super(
      holder === undefined
        ? `the store ${storeDir} is held by a process that does not answer`
        : `the store ${storeDir} is held by process ${holder.pid}, which serves it at ${holder.url}`,
    )
    this.url = holder?.url
    this.pid = holder?.pid
  }
}

const startTimeoutMs = 60_000
const stopTimeoutMs = 30_000
const heldRetryMs = 200

/**
 * Throws `StoreHeld` when another living process has the folder, `StoreUnavailable` when the engine cannot start; its code is
 * the system's (`EADDRINUSE` …) when the port cannot be had.
 */
export async function startEngine(options: EngineOptions): Promise<Engine> {
  await makeFolder(options.storeDir)
  const giveUpAt = performance.now() + (options.heldWaitMs ?? 10_000)
  for (;;) {
    const holder = await readLiveEndpoint(options.storeDir)
    if (holder !== undefined) throw new StoreHeld(options.storeDir, holder)
    const started = await launch(options)
    if (started !== 'held') return started
    if (performance.now() > giveUpAt) throw new StoreHeld(options.storeDir, await readLiveEndpoint(options.storeDir))
    options.logger.warn(
      { storeDir: options.storeDir },
      'the store folder is locked by a process that does not answer; waiting',
    )
    await delay(heldRetryMs)
  }
}

/** Attaches to the engine that runs on this folder, or starts one. */
export async function attachOrStart(options: EngineOptions): Promise<Engine> {
  const holder = await readLiveEndpoint(options.storeDir)
  if (holder !== undefined) return attached(holder)
  try {
    return await startEngine(options)
  } catch (error) {
    // Somebody else was faster.
    const winner = error instanceof StoreHeld ? await readLiveEndpoint(options.storeDir) : undefined
    if (winner === undefined) throw error
    return attached(winner)
  }
}

function attached(endpoint: StoreEndpoint): Engine {
  return { ...endpoint, owned: false, failed: new Promise<never>(() => undefined), stop: async () => undefined }
}

async function launch(options: EngineOptions): Promise<Engine | 'held'> {
  const child = fork(entryPoint(), [], {
    env: { ...process.env, UV_THREADPOOL_SIZE: String(threadPoolSize) },
    execArgv: [],
    // chdb writes what it thinks to stderr; the reason of a failure comes as a message.
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  const lastWords = collectLastWords(child)
  const gone = new Promise<number | string>((resolve) =>
    child.once('exit', (code, signal) => resolve(signal ?? code ?? 0)),
  )
  const first = new Promise<FromEngine>((resolve) => child.once('message', (message) => resolve(message as FromEngine)))
  const request: ToEngine = {
    kind: 'start',
    storeDir: options.storeDir,
    port: options.port ?? 0,
    limits: { ...defaultEngineLimits, ...options.limits },
  }
  child.send(request)
  const timeout = new AbortController()
  const answer = await Promise.race([
    first,
    gone.then((how): FromEngine => ({ kind: 'failed', held: false, reason: `it ended (${how}) while starting` })),
    delay(startTimeoutMs, undefined, { signal: timeout.signal, ref: false }).then(
      (): FromEngine => ({ kind: 'failed', held: false, reason: `no answer within ${startTimeoutMs} ms` }),
      () => new Promise<never>(() => undefined),
    ),
  ])
  timeout.abort()
  if (answer.kind === 'failed') {
    child.kill('SIGKILL')
    await gone
    const words = lastWords()
    if (answer.held && /^Code: 76\./m.test(words)) return 'held'
    throw new StoreUnavailable(`engine.start: ${answer.reason}${words === '' ? '' : `: ${words}`}`, {
      code: answer.listenCode ?? 'ENGINE_START',
      retryable: false,
    })
  }
  options.logger.info({ url: answer.endpoint.url, pid: answer.endpoint.pid }, 'engine started')
  return owned(child, answer.endpoint, blockFolderOf(options.storeDir), gone, lastWords)
}

function owned(
  child: ChildProcess,
  endpoint: StoreEndpoint,
  blockFolder: string,
  gone: Promise<number | string>,
  lastWords: () => string,
): Engine {
  let stopped = false
  const failed = new Promise<never>((_, reject) => {
    void gone.then((how) => {
      if (stopped) return
      const words = lastWords()
      reject(
        new StoreUnavailable(`engine ended (${how})${words === '' ? '' : `: ${words}`}`, {
          code: 'ENGINE_ENDED',
          retryable: false,
        }),
      )
    })
  })
  // Whoever does not watch it must not be ended by it; who does still sees the rejection.
  failed.catch(() => undefined)
  return {
    ...endpoint,
    owned: true,
    blockFolder,
    failed,
    async stop() {
      stopped = true
      const request: ToEngine = { kind: 'stop' }
      if (child.connected) child.send(request)
      // chdb can hold up an exit for minutes (a url() to a dead host); what was acknowledged survives a kill.
      const timer = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs)
      await gone
      clearTimeout(timer)
    },
  }
}

const lastWordsMaxCharacters = 2_000

/** The end of what the child writes to stderr: the engine's only way to say why it could not open a folder. */
function collectLastWords(child: ChildProcess): () => string {
  let words = ''
  child.stderr?.setEncoding('utf8')
  child.stderr?.on('data', (text: string) => {
    words = (words + text).slice(-lastWordsMaxCharacters)
  })
  return () => words.trim()
}

/** The child runs compiled code, also when its parent runs from source (tests), since Node 20 reads no TypeScript. */
function entryPoint(): string {
  const here = dirname(fileURLToPath(import.meta.url))
  const compiled = here.replace(`${sep}src${sep}embedded`, `${sep}dist${sep}embedded`)
  return join(compiled, 'engine-process.js')
}
