/** Captures → what the fuzzer mutates: their frames as they are, and what was said on their connections. */

import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { FlowTable } from '@tapwarden/net/flow-table'
import { SegmentReader } from '@tapwarden/net/segment-reader'
import { PcapReader } from '@tapwarden/pcap/pcap-reader'
import { type Conversation, concatenated, type Said } from './fuzz-frame.js'
import { seedConversations } from './seed-conversations.js'

export interface CorpusFrame {
  readonly bytes: Uint8Array
  readonly linkType: number
}

export interface Corpus {
  /** Frames of each capture, in order. */
  readonly captures: readonly (readonly CorpusFrame[])[]
  readonly conversations: readonly Conversation[]
  /** The same corpus makes the same cases. */
  readonly digest: string
}

/** Of a long capture its beginning is enough: variety comes from other captures. */
const captureMaxFrames = 400
const conversationMaxBytes = 49_152
const captureMaxConversations = 40

/** Files, and folders with captures in them, each read to where it is damaged. */
export function readCorpus(paths: readonly string[]): Corpus {
  const hash = createHash('sha256')
  const captures: CorpusFrame[][] = []
  const conversations: Conversation[] = [...seedConversations()]
  for (const path of paths.flatMap(capturesIn)) {
    const bytes = new Uint8Array(readFileSync(path)) // No Buffer: `slice` of one does not copy.
    hash.update(bytes)
    const { frames, said } = readCapture(bytes, path)
    if (frames.length > 0) captures.push(frames)
    conversations.push(...said)
  }
  if (captures.length === 0)
    throw new Error('no capture with a frame in it: name files, or folders that hold .pcap files')
  return { captures, conversations, digest: hash.digest('hex').slice(0, 16) }
}

function capturesIn(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path]
  const names = readdirSync(path, { recursive: true, encoding: 'utf8' })
  return names
    .filter((name) => /\.(pcap|pcapng|cap)$/.test(name))
    .sort()
    .map((name) => join(path, name))
}

function readCapture(bytes: Uint8Array, source: string): { frames: CorpusFrame[]; said: Conversation[] } {
  const frames: CorpusFrame[] = []
  const flows: Said[][] = []
  const table = new FlowTable({
    consumerOf: () => {
      const turns: Said[] = []
      let heldBytes = 0
      if (flows.length < captureMaxConversations) flows.push(turns)
      return {
        bytes: (direction, buffer, from, to) => {
          if (heldBytes > conversationMaxBytes) return
          heldBytes += to - from
          const last = turns.at(-1)
          const said = buffer.slice(from, to)
          if (last?.direction !== direction) turns.push({ direction, bytes: said })
          else turns[turns.length - 1] = { direction, bytes: concatenated(last.bytes, said) }
        },
        gap: () => undefined,
        end: () => undefined,
      }
    },
  })
  const segments = new SegmentReader({ onSegment: (segment) => table.segment(segment) })
  let frameCount = 0
  const reader = new PcapReader({
    onFrame: (frame) => {
      if (frameCount++ >= 10 * captureMaxFrames) return
      segments.readFrame(frame)
      if (frames.length >= captureMaxFrames) return
      frames.push({ bytes: frame.buffer.slice(frame.offset, frame.end), linkType: frame.linkType })
    },
  })
  reader.push(bytes)
  table.end()
  const said = flows.filter((turns) => turns.length > 0).map((turns) => ({ source, turns }))
  return { frames, said }
}
