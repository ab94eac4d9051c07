import fc from 'fast-check'
import { expect, it } from 'vitest'
import { addressBytes } from './address-text.js'
import { AgeLists } from './age-lists.js'
import { FlowIndex } from './flow-index.js'
import { SegmentView } from './frame.js'

const addresses = ['10.0.0.1', '10.0.0.2', '0.0.0.0', '2001:db8::1', '2001:db8::2', 'a00:1::', '::']

function segmentOf(source: string, sourcePort: number, destination: string, destinationPort: number): SegmentView {
  const segment = new SegmentView()
  const [from, to] = [addressBytes(source)!, addressBytes(destination)!]
  segment.buffer = Uint8Array.from([...from, ...to])
  segment.view = new DataView(segment.buffer.buffer)
  segment.addressBytes = from.length === 4 ? 4 : 16
  segment.destinationAt = from.length
  segment.sourcePort = sourcePort
  segment.destinationPort = destinationPort
  return segment
}

it('agrees with a Map under any adding, finding and removing, from both directions', () => {
  const address = fc.constantFrom(...addresses)
  const port = fc.constantFrom(0, 1, 80, 65_535)
  const operation = fc.record({
    source: address,
    sourcePort: port,
    destination: address,
    destinationPort: port,
    removes: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 400 }), fc.integer(), (operations, seed) => {
      const index = new FlowIndex(100_000, [seed >>> 0, 1])
      const model = new Map<string, number>()
      for (const { source, sourcePort, destination, destinationPort, removes } of operations) {
        if (addressBytes(source)!.length !== addressBytes(destination)!.length) continue
        const key = [`${source} ${sourcePort}`, `${destination} ${destinationPort}`].sort().join()
        expect(index.find(segmentOf(destination, destinationPort, source, sourcePort))).toBe(model.get(key) ?? -1)
        const found = index.find(segmentOf(source, sourcePort, destination, destinationPort))
        expect(found).toBe(model.get(key) ?? -1)
        if (found < 0) model.set(key, index.add())
        else if (removes) {
          index.remove(found)
          model.delete(key)
        } else {
          const ends = [index.endpoint(found, true), index.endpoint(found, false)]
          const wanted = [addressBytes(source)!, addressBytes(destination)!].map((bytes) => [...bytes].join())
          expect(ends.map((end) => [...end.address].join()).sort()).toEqual(wanted.sort())
        }
        expect(index.count).toBe(model.size)
      }
    }),
  )
})

it('grows past many flows, and finds each as long as it is there', () => {
  const index = new FlowIndex(20_000, [1, 2])
  const flows = [...Array(20_000).keys()].map((port) => {
    index.find(segmentOf('10.0.0.1', port, '10.0.0.2', 80))
    return index.add()
  })
  expect(index.isFull).toBe(true)
  expect(new Set(flows).size).toBe(20_000)
  for (let port = 0; port < 20_000; port++) {
    expect(index.find(segmentOf('10.0.0.2', 80, '10.0.0.1', port))).toBe(flows[port])
  }
  for (let port = 0; port < 20_000; port += 3) index.remove(flows[port]!)
  for (let port = 0; port < 20_000; port++) {
    expect(index.find(segmentOf('10.0.0.2', 80, '10.0.0.1', port))).toBe(port % 3 === 0 ? -1 : flows[port])
  }
})

it('age lists agree with arrays', () => {
  const operation = fc.record({ flow: fc.nat(300), list: fc.nat(2), removes: fc.boolean() })
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
      const ages = new AgeLists(3)
      let model: number[][] = [[], [], []]
      for (const { flow, list, removes } of operations) {
        model = model.map((flows) => flows.filter((other) => other !== flow))
        if (removes) ages.remove(flow)
        else {
          ages.touch(flow, list)
          model[list]!.push(flow)
        }
        expect([0, 1, 2].map((each) => ages.oldest(each))).toEqual(model.map((flows) => flows[0] ?? -1))
      }
    }),
  )
})
