/**
 * The law of tunnels: whatever nest of headers a capture's packets are wrapped in, its transactions are the same, ids included, since they are of
 * the innermost headers (DESIGN "Decided" 2). Every case of this folder on Ethernet, each in nests of its own.
 */

import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { HttpTransaction } from '@tapwarden/contracts/transaction'
import type { BuiltFrame } from '@tapwarden/net/frame-builder'
import { asEthernet, type Carried, type WrapName, wraps } from '@tapwarden/net/tunnel-builder'
import { PcapReader } from '@tapwarden/pcap/pcap-reader'
import { linkTypeEthernet, writePcap } from '@tapwarden/pcap/pcap-writer'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { publishedOf } from './read-case.js'

const folder = dirname(fileURLToPath(import.meta.url))
const frameMaxCount = 400

/** The frames of a case; undefined of one that is not of Ethernet alone, or too long to be read again and again. */
function framesOf(name: string): BuiltFrame[] | undefined {
  const frames: BuiltFrame[] = []
  let isEthernet = true
  const reader = new PcapReader({
    onFrame: ({ buffer, offset, end, timestampUs, linkType }) => {
      isEthernet &&= linkType === linkTypeEthernet
      frames.push({ timestampUs, bytes: buffer.slice(offset, end) })
    },
  })
  reader.push(readFileSync(join(folder, name, 'input.pcap')))
  return isEthernet && frames.length <= frameMaxCount ? frames : undefined
}

/** Without what says where the packets came through. */
function inside({ vlanIds, tunnels, vni, ...transaction }: HttpTransaction): unknown {
  return transaction
}

const isOfTunnels = (name: string) => name.startsWith('tunnel') // Nested already, some as deeply as may be.
const cases = readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
  const frames = entry.isDirectory() && !isOfTunnels(entry.name) ? framesOf(entry.name) : undefined
  return frames === undefined ? [] : [[entry.name, frames] as const]
})
// Up to three wraps, of which Teredo, AYIYA and what puts tagged frames into packets may add one each: within the eight that are read.
const nests = fc.array(fc.constantFrom(...(Object.keys(wraps) as WrapName[])), { minLength: 1, maxLength: 3 })

it.each(cases)('%s: the same transactions in any nest of tunnels', (_name, frames) => {
  const bare = publishedOf(writePcap(frames, { linkType: linkTypeEthernet })).map(inside)
  fc.assert(
    fc.property(nests, (nest) => {
      const wrapped = frames.map(({ bytes, timestampUs }) => {
        const carried = nest.reduce((inner, name) => wraps[name](inner), { kind: 'ethernet', bytes } as Carried)
        return { timestampUs, bytes: asEthernet(carried) }
      })
      expect(publishedOf(writePcap(wrapped, { linkType: linkTypeEthernet })).map(inside)).toEqual(bare)
    }),
    { numRuns: 4 },
  )
})

it('has captures to wrap', () => expect(cases.length).toBeGreaterThan(20))
