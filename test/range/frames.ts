/** Conversations as the frames that a TAP before the edge would have seen: of the past, and of the Node edge's connections. */

import { randomInt } from 'node:crypto'
import { type BuiltFrame, ConversationBuilder } from '@tapwarden/net/frame-builder'
import type { FrameQueueSource } from './frame-queue-source.js'
import type { Conversation } from './history.js'
import type { ConnectionTap } from './tapped-connection.js'

/** In the order of time. */
export function framesOf(conversations: readonly Conversation[], server: { ip: string; port: number }): BuiltFrame[] {
  const frames: BuiltFrame[] = []
  conversations.forEach(({ clientIp, clientPort, messages }, index) => {
    const first = messages[0]
    const last = messages.at(-1)
    if (first === undefined || last === undefined) return
    const builder = new ConversationBuilder({
      clientIp,
      clientPort,
      serverIp: server.ip,
      serverPort: server.port,
      clientIsn: (index * 2_654_435_761) >>> 0,
      serverIsn: (index * 40_503) >>> 0,
    })
    frames.push(...builder.open(first.atUs - 500))
    for (const { from, bytes, atUs } of messages)
      frames.push(...builder.data(from === 'client' ? 'c2s' : 's2c', bytes, atUs))
    frames.push(...builder.finish('c2s', last.atUs + 500), ...builder.finish('s2c', last.atUs + 600))
  })
  return frames.sort((a, b) => a.timestampUs - b.timestampUs)
}

/** A tap for the Node edge: its connections become frames of a source, stamped as they pass. */
export function tapInto(source: FrameQueueSource, server: { readonly ip: string; readonly port: () => number }) {
  return (client: { readonly address: string; readonly port: number }): ConnectionTap => {
    const nowUs = (): number => Math.round((performance.timeOrigin + performance.now()) * 1_000)
    const builder = new ConversationBuilder({
      clientIp: client.address.replace(/^::ffff:/, ''),
      clientPort: client.port,
      serverIp: server.ip,
      serverPort: server.port(),
      // As a kernel does it: a port that is used again must not look like the same connection.
      clientIsn: randomInt(2 ** 32),
      serverIsn: randomInt(2 ** 32),
      // Loopback has no small frames either.
      segmentMaxBytes: 16_384,
    })
    source.push(builder.open(nowUs()))
    return {
      fromClient: (bytes) => source.push(builder.data('c2s', bytes, nowUs())),
      toClient: (bytes) => source.push(builder.data('s2c', bytes, nowUs())),
      closed: () => source.push([...builder.finish('c2s', nowUs()), ...builder.finish('s2c', nowUs())]),
    }
  }
}
