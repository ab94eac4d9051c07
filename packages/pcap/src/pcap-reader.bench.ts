/**
 * ns of CPU and bytes allocated per frame, beside `pcap-parser`, on 4,000 frames of 40 to 1,500 bytes in blocks of 1 MiB, read
 * again and again: the bytes are in the cache, as they are when a file was just read into its block.
 * Run: `node --expose-gc packages/pcap/dist/pcap-reader.bench.js`.
 */

import { Readable } from 'node:stream'
import { parse } from 'pcap-parser'
import { PcapReader } from './pcap-reader.js'
import { concatBytes, writePcap, writePcapng } from './pcap-writer.js'

const frameCount = 4_000
const readsPerRound = 50
const blockBytes = 1_048_576
const roundCount = 9

const payload = new Uint8Array(1_500).map((_value, index) => index)
const frames = Array.from({ length: frameCount }, (_value, index) => ({
  timestampUs: 1_790_000_000_000_000 + index * 7,
  bytes: payload.subarray(0, 40 + ((index * 613) % 1_461)),
}))
const blocksOf = (bytes: Uint8Array): Uint8Array[] =>
  Array.from({ length: Math.ceil(bytes.length / blockBytes) }, (_value, index) =>
    bytes.subarray(index * blockBytes, (index + 1) * blockBytes),
  )
const pcap = blocksOf(writePcap(frames, { linkType: 1 }))
const pcapng = blocksOf(writePcapng(frames, { interfaces: [{ linkType: 1, resolution: 9 }] }))

function ours(blocks: readonly Uint8Array[]): number {
  const sum = new Float64Array(1) // A captured variable would allocate a number a frame.
  const reader = new PcapReader({
    onFrame: (frame) => {
      sum[0]! += frame.capturedBytes + (frame.timestampUs % 1_000_000)
    },
  })
  for (const block of blocks) reader.push(block)
  return reader.end() === undefined ? sum[0]! : Number.NaN
}

function theirs(blocks: readonly Uint8Array[]): Promise<number> {
  let sum = 0
  return new Promise((resolve, reject) => {
    parse(Readable.from(blocks.map((block) => Buffer.from(block.buffer, block.byteOffset, block.byteLength))))
      .on('packet', ({ header, data }) => {
        sum += data.length + header.timestampMicroseconds
      })
      .on('end', () => resolve(sum))
      .on('error', reject)
  })
}

const candidates = [
  ['pcap-reader, pcap µs', () => ours(pcap)],
  ['pcap-reader, pcapng ns', () => ours(pcapng)],
  ['pcap-parser, pcap µs', () => theirs(pcap)],
] as const
const expected = frames.reduce((sum, { timestampUs, bytes }) => sum + bytes.length + (timestampUs % 1_000_000), 0)
const best = new Map<string, { readonly ns: number; readonly allocated: number }>()
for (let round = 0; round < roundCount; round++) {
  for (const [name, read] of candidates) {
    globalThis.gc?.()
    const heapBefore = process.memoryUsage().heapUsed
    const before = process.cpuUsage()
    let sum = 0
    for (let count = 0; count < readsPerRound; count++) sum = await read()
    const used = process.cpuUsage(before)
    const allocated = (process.memoryUsage().heapUsed - heapBefore) / (frameCount * readsPerRound)
    if (sum !== expected) throw new Error(`${name} read something else`)
    const ns = ((used.user + used.system) * 1_000) / (frameCount * readsPerRound)
    if (ns < (best.get(name)?.ns ?? Number.POSITIVE_INFINITY)) best.set(name, { ns, allocated })
  }
}
const inputBytes = concatBytes(pcap).length
for (const [name, { ns, allocated }] of best) {
  const mbPerSecond = inputBytes / (ns * frameCount * 1e-3)
  console.log(
    `${name}: ${ns.toFixed(0)} ns CPU/frame, ${mbPerSecond.toFixed(0)} MB/CPU-s, ${allocated.toFixed(1)} bytes of heap/frame`,
  )
}
