import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RecordReader } from './record-reader.js'
import { TlsMemory } from './tls-limits.js'

/** Each record's content says which one it is. */
function record(index: number, contentBytes: number): Uint8Array {
  const bytes = new Uint8Array(5 + contentBytes).fill(index)
  bytes.set([23, 3, 3, contentBytes >> 8, contentBytes & 0xff])
  return bytes
}

function reader(accepts: (index: number) => boolean = () => true) {
  const seen: number[] = []
  const faults: string[] = []
  const memory = new TlsMemory(1_000_000)
  const made = new RecordReader(
    {
      record: (bytes, from, to, place, isCandidate) => {
        const index = bytes[to - 1]!
        if (isCandidate && !accepts(index)) return false
        expect(to - from).toBe(5 + ((bytes[from + 3]! << 8) | bytes[from + 4]!))
        expect(place.firstAtUs).toBeLessThanOrEqual(place.lastAtUs)
        seen.push(index)
        return true
      },
      unreadable: (reason) => faults.push(reason),
    },
    memory,
  )
  return { made, seen, faults, memory }
}

const sizes = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 8 })
const cuts = fc.array(fc.nat(400), { maxLength: 12 })

describe('records', () => {
  it('are whole however the bytes are cut, and nothing of them stays held', () => {
    fc.assert(
      fc.property(sizes, cuts, (contentBytes, places) => {
        const all = Buffer.concat(contentBytes.map((count, index) => record(index + 30, count)))
        const { made, seen, memory } = reader()
        const bounds = [0, ...places.map((place) => Math.min(place, all.length)).sort((a, b) => a - b), all.length]
        for (let i = 1; i < bounds.length; i++) made.push(all, bounds[i - 1]!, bounds[i]!, i, bounds[i - 1]!, 0)
        expect(seen).toEqual(contentBytes.map((_, index) => index + 30))
        expect([made.lostBytes, memory.usedBytes]).toEqual([0, 0])
      }),
    )
  })

  it('that a gap touched are lost, and all bytes of them are counted; the others are read', () => {
    fc.assert(
      fc.property(sizes, cuts, fc.nat(400), fc.integer({ min: 1, max: 200 }), (contentBytes, places, at, count) => {
        const records = contentBytes.map((bytes, index) => record(index + 30, bytes))
        const all = Buffer.concat(records)
        const gapFrom = at % all.length
        const gapTo = Math.min(all.length, gapFrom + count)
        const { made, seen } = reader()
        const bounds = [0, gapFrom, gapTo, ...places.map((place) => Math.min(place, all.length)), all.length]
        bounds.sort((a, b) => a - b)
        for (let i = 1; i < bounds.length; i++) {
          const [from, to] = [bounds[i - 1]!, bounds[i]!]
          if (from === to) continue
          if (from >= gapFrom && to <= gapTo) made.gap(to - from)
          else made.push(all, from, to, i, from, 0)
        }
        made.close()
        let offset = 0
        const whole = records.flatMap((bytes, index) => {
          const from = offset
          offset += bytes.length
          return offset <= gapFrom || from >= gapTo ? [{ index: index + 30, bytes: bytes.length }] : []
        })
        expect(seen).toEqual(whole.map(({ index }) => index))
        expect(made.lostBytes).toBe(all.length - whole.reduce((sum, { bytes }) => sum + bytes, 0))
      }),
    )
  })

  it('are searched for behind a gap until one is accepted', () => {
    const decoy = Buffer.concat([record(99, 40).subarray(0, 20), record(31, 10), record(32, 10)])
    for (const step of [1, 7, 1_000]) {
      const { made, seen } = reader((index) => index !== 99 && index < 60)
      made.gap(100)
      for (let at = 0; at < decoy.length; at += step) made.push(decoy, at, Math.min(at + step, decoy.length), 0, at, 0)
      expect(seen.slice(-1)).toEqual([32])
    }
  })

  it('are not read on where one must start and none does, nor beyond the memory', () => {
    const { made, seen, faults } = reader()
    const bytes = Buffer.concat([record(30, 3), Buffer.from('GET / HTTP/1.1')])
    made.push(bytes, 0, bytes.length, 0, 0, 0)
    expect([seen, faults]).toEqual([[30], ['malformed']])
    const small = new RecordReader(
      { record: () => true, unreadable: (reason) => faults.push(reason) },
      new TlsMemory(100),
    )
    small.push(record(30, 5_000), 0, 2_000, 0, 0, 0)
    expect(faults).toEqual(['malformed', 'memory'])
  })
})
