/**
 * The scene of the demo: the shop, an edge before it, the embedded stack beside it, and the mirror between.
 *
 *   people ──► edge (HAProxy, or Node asking forward-auth) ──► shop
 *                │ mirrored: tcpdump on lo, the edge's front port; or the Node edge's tap
 *                └──► capture ─► catalog · detector ─► mitigator ──► edge
 */

import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { decisionFieldName } from '@tapwarden/contracts/names'
import type { BuiltFrame } from '@tapwarden/net/frame-builder'
import { createLogger } from '@tapwarden/runtime/logger'
import { type CaptureSummary, runCapture } from '@tapwarden/service-capture/capture-pipeline'
import type { FrameSource } from '@tapwarden/service-capture/frame-source'
import { LiveInterfaceSource } from '@tapwarden/service-capture/live-interface'
import { tapwardenConfigSchema } from 'tapwarden/config'
import { type EmbeddedStack, startEmbeddedStack } from 'tapwarden/embedded-stack'
import { openRedactor } from 'tapwarden/sensor'
import { UndoList } from 'tapwarden/undo-list'
import { captureMissing } from '../servers/capture.js'
import type { Edge } from './edge.js'
import { FrameQueueSource } from './frame-queue-source.js'
import { tapInto } from './frames.js'
import { freePort } from './free-port.js'
import { findHaproxy, startHaproxyEdge } from './haproxy-edge.js'
import { startNodeEdge } from './node-edge.js'
import type { Shop } from './shop.js'
import { startShop } from './shop-server.js'

export type EdgeChoice = 'auto' | 'haproxy' | 'node'

export interface SceneOptions {
  readonly shop: Shop
  /** Empty or absent; holds the store, the key and the edge's files. Keep its path short: unix sockets stand in it. */
  readonly folder: string
  readonly edge: EdgeChoice
}

export interface Scene {
  readonly stack: EmbeddedStack
  readonly edge: Edge
  readonly storeFolder: string
  /** `tcpdump on lo`, `the edge's own tap`. */
  readonly mirror: string
  readonly decisionFieldName: string
  /** Frames of the past, in their own event time; resolves when all their effects are stored. */
  replay(frames: BuiltFrame[]): Promise<CaptureSummary>
  /** Opens the mirror; resolves when it sees traffic. */
  watch(): Promise<void>
  /** Closes the mirror; resolves when everything that it saw is stored. */
  unwatch(): Promise<CaptureSummary>
  close(): Promise<void>
}

/** HAProxy needs a mirror that the kernel gives; without that permission, or without HAProxy, the Node edge shows its own bytes. */
export async function openScene(options: SceneOptions): Promise<Scene> {
  const undo = new UndoList()
  try {
    return await build(options, undo)
  } catch (error) {
    await undo.run()
    throw error
  }
}

async function build(options: SceneOptions, undo: UndoList): Promise<Scene> {
  const { folder } = options
  await mkdir(folder, { recursive: true })
  const storeFolder = join(folder, 'store')
  const keyFile = join(folder, 'fleet.key')
  const plain = tapwardenConfigSchema.parse({})
  const { base64: accessKey } = (await openRedactor(plain, keyFile)).accessSubkey()
  const origin = await startShop(options.shop)
  undo.push(() => origin.close())

  const haproxy = options.edge === 'node' ? undefined : findHaproxy()
  const mayCapture = options.edge !== 'node' && (await captureMissing()) === undefined
  if (options.edge === 'haproxy' && (haproxy === undefined || !mayCapture))
    throw new Error('this needs HAProxy and permission to capture on lo (root, or tcpdump with CAP_NET_RAW)')
  const tapSource = new FrameQueueSource()
  let edge: Edge
  let enforcer: object
  let source: FrameSource
  if (haproxy !== undefined && mayCapture) {
    const front = await startHaproxyEdge(haproxy, { originPort: origin.port, folder, accessKey })
    edge = front
    enforcer = { kind: 'haproxy', socket: front.socket, mapFolder: front.mapFolder }
    source = new LiveInterfaceSource({ interfaceName: 'lo', filter: `tcp port ${front.port}` })
  } else {
    const authPort = await freePort()
    const tap = tapInto(tapSource, { ip: '127.0.0.1', port: () => edge.port })
    const forwardAuthUrl = `http://127.0.0.1:${authPort}/`
    edge = await startNodeEdge({ originPort: origin.port, forwardAuthUrl, decisionFieldName, tap })
    enforcer = { kind: 'forward-auth', listen: { port: authPort } }
    source = tapSource
  }
  undo.push(() => edge.close())

  const config = tapwardenConfigSchema.parse({ mitigator: { mode: 'enforce', enforcers: [enforcer] } })
  const logger = createLogger({ level: 'warn', format: 'line' })
  const stack = await startEmbeddedStack({ config, storeFolder, keyFile, logger })
  undo.push(() => stack.stop())

  const capture = (from: FrameSource, whenBusIsFull: 'wait' | 'shed'): Promise<CaptureSummary> =>
    Promise.race([
      runCapture({
        source: from,
        bus: stack.bus,
        redactor: stack.redactor,
        config: config.capture,
        logger,
        whenBusIsFull,
      }),
      stack.failed,
    ])
  let live: Promise<CaptureSummary> | undefined
  return {
    stack,
    edge,
    storeFolder,
    mirror: source instanceof LiveInterfaceSource ? 'tcpdump on lo' : "the edge's own tap",
    decisionFieldName,
    replay: async (frames) => {
      const past = new FrameQueueSource()
      past.push(frames)
      past.end()
      const summary = await capture(past, 'wait')
      await stack.settled()
      return summary
    },
    watch: async () => {
      live = capture(source, 'shed')
      if (source instanceof LiveInterfaceSource) await Promise.race([source.capturing, live])
    },
    unwatch: async () => {
      await source.stop()
      if (live === undefined) throw new Error('the mirror was never opened')
      const summary = await live
      await stack.settled()
      return summary
    },
    close: () => undo.run(),
  }
}
