import { type FrameView, PcapReader } from '@tapwarden/pcap/pcap-reader'
import { linkTypeEthernet, writePcap } from '@tapwarden/pcap/pcap-writer'
import { ManualTimers } from '@tapwarden/runtime/timers'
import type { FrameSource } from '@tapwarden/service-capture/frame-source'
import { expect, it } from 'vitest'
import { PacedSource } from './paced-source.js'

const startUs = 1_790_000_000_000_000

function sourceOf(offsetsMs: readonly number[]): FrameSource {
  const bytes = writePcap(
    offsetsMs.map((ms, i) => ({ timestampUs: startUs + ms * 1_000, bytes: new Uint8Array([i, 9]) })),
    { linkType: linkTypeEthernet },
  )
  return {
    frames: async (sink) => {
      new PcapReader({ onFrame: (frame) => sink.frame(frame) }).push(bytes, 0, bytes.length)
      bytes.fill(0xff) // Borrowed bytes are gone after the block.
      await sink.afterBlock?.()
    },
    stop: async () => undefined,
    statistics: () => ({
      frameCount: 0,
      bytesRead: 0,
      totalBytes: 0,
      kernelDroppedCount: 0,
      restartCount: 0,
      warnings: [],
    }),
  }
}

const settled = () => new Promise<void>((resolve) => setImmediate(resolve))

it('hands on each frame at its distance from the first, and what it hands on is a copy', async () => {
  const timers = new ManualTimers(5_000)
  const seen: number[][] = []
  const take = (frame: FrameView) => seen.push([frame.buffer[frame.offset] ?? -1, timers.nowMs() - 5_000])
  const done = new PacedSource(sourceOf([0, 2, 1_000, 1_500]), timers).frames({ frame: take })
  await settled()
  expect(seen).toEqual([
    [0, 0],
    [1, 0],
  ])
  timers.advance(999)
  await settled()
  expect(seen).toHaveLength(2)
  timers.advance(1)
  await settled()
  timers.advance(500)
  await done
  expect(seen.slice(2)).toEqual([
    [2, 1_000],
    [3, 1_500],
  ])
})

it('stop ends the waiting and hands nothing more on', async () => {
  const timers = new ManualTimers(0)
  const seen: number[] = []
  const source = new PacedSource(sourceOf([0, 60_000]), timers)
  const done = source.frames({ frame: (frame) => seen.push(frame.timestampUs) })
  await settled()
  await source.stop()
  await done
  expect(seen).toEqual([startUs])
})
