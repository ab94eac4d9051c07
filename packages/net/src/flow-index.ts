/**
 * Address pair → flow number, without a string or an object per packet: open addressing in typed arrays.
 *
 * A key is ten 32-bit words: address and port of the endpoint that comes first in Community ID's order, then of the other, so that
 * both directions have one key; and, where networks are told apart, which one. Invariant: a chain of used slots has no hole between a key's home and its place (deletion shifts
 * back), and at most half of the slots are used.
 */

import { assert } from '@tapwarden/base/assert'
import type { SegmentView } from './frame.js'
import { halfSipHash } from './half-sip-hash.js'

export const keyWords = 10
const portsWord = 8
/** And the network, where that is part of the key. */
const versionWord = 9
const versionMask = 0xf
const networkShift = 4

/** Two unsigned 32-bit numbers that senders of packets must not know: with them they could choose keys that collide. No result depends on them. */
export type HashSeed = readonly [number, number]

export class FlowIndex {
  readonly #seed0: number
  readonly #seed1: number
  readonly #maxFlows: number
  /** Flow number + 1; 0 = free. */
  #slots = new Int32Array(256)
  #keys = new Uint32Array(128 * keyWords)
  #hashes = new Int32Array(128)
  #free: number[] = []
  #usedMax = 0
  #count = 0
  /** The key of the segment that `find` was last asked for. */
  readonly key = new Uint32Array(keyWords)
  #hash = 0
  /** Whether the sender of that segment is the endpoint that comes first in the key. */
  isSenderFirst = true

  constructor(maxFlows: number, [seed0, seed1]: HashSeed) {
    assert(Number.isSafeInteger(maxFlows) && maxFlows > 0 && maxFlows <= 1 << 24, 'a flow table holds 1 to 2^24 flows')
    this.#maxFlows = maxFlows
    this.#seed0 = seed0 | 0
    this.#seed1 = seed1 | 0
  }

  get count(): number {
    return this.#count
  }

  get isFull(): boolean {
    return this.#count >= this.#maxFlows
  }

  /** The flow number of `segment`, or -1. Leaves `key` and `isSenderFirst` for `add`. */
  find(segment: SegmentView): number {
    this.#readKey(segment)
    const slots = this.#slots
    const mask = slots.length - 1
    const hash = this.#hash
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const flow = slots[slot]! - 1
      if (flow < 0) return -1
      if (this.#hashes[flow] === hash && this.#hasKey(flow)) return flow
    }
  }

  /** Gives a number, below `maxFlows`, to the key that `find` has just missed. Must not be full. */
  add(): number {
    assert(!this.isFull, 'room is made before a flow is added')
    const flow = this.#free.pop() ?? this.#usedMax++
    if (flow >= this.#hashes.length) this.#growFlows()
    this.#hashes[flow] = this.#hash
    this.#keys.set(this.key, flow * keyWords)
    this.#count++
    if (this.#count * 2 > this.#slots.length) this.#growSlots()
    this.#place(flow)
    return flow
  }

  remove(flow: number): void {
    const slots = this.#slots
    const mask = slots.length - 1
    let hole = this.#hashes[flow]! & mask
    while (slots[hole] !== flow + 1) hole = (hole + 1) & mask
    for (let slot = (hole + 1) & mask; slots[slot] !== 0; slot = (slot + 1) & mask) {
      const home = this.#hashes[slots[slot]! - 1]! & mask
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue
      slots[hole] = slots[slot]!
      hole = slot
    }
    slots[hole] = 0
    this.#free.push(flow)
    this.#count--
  }

  /** Bytes of the address and the port of one endpoint of a flow: the first or the second of its key. Copies. */
  endpoint(flow: number, isFirst: boolean): { readonly address: Uint8Array; readonly port: number } {
    const key = this.#keys.subarray(flow * keyWords, (flow + 1) * keyWords)
    const addressBytes = (key[versionWord]! & versionMask) === 4 ? 4 : 16
    const address = new Uint8Array(addressBytes)
    const view = new DataView(address.buffer)
    for (let word = 0; word < addressBytes / 4; word++) view.setUint32(word * 4, key[(isFirst ? 0 : 4) + word]!)
    return { address, port: isFirst ? key[portsWord]! >>> 16 : key[portsWord]! & 0xffff }
  }

  #readKey(segment: SegmentView): void {
    const { view, sourceAt, destinationAt, addressBytes, sourcePort, destinationPort, networkKey } = segment
    const key = this.key
    let order = 0
    for (let at = 0; at < addressBytes && order === 0; at += 4) {
      order = view.getUint32(sourceAt + at) - view.getUint32(destinationAt + at)
    }
    const isFirst = order < 0 || (order === 0 && sourcePort <= destinationPort)
    const firstAt = isFirst ? sourceAt : destinationAt
    const secondAt = isFirst ? destinationAt : sourceAt
    key[0] = view.getUint32(firstAt)
    key[4] = view.getUint32(secondAt)
    key[portsWord] = isFirst ? (sourcePort << 16) | destinationPort : (destinationPort << 16) | sourcePort
    key[versionWord] = (addressBytes === 4 ? 4 : 6) | (networkKey << networkShift)
    for (let word = 1; word < 4; word++) {
      key[word] = addressBytes === 4 ? 0 : view.getUint32(firstAt + word * 4)
      key[4 + word] = addressBytes === 4 ? 0 : view.getUint32(secondAt + word * 4)
    }
    // Of IPv4 in no network of its own, words 0, 4 and 8 are all that varies.
    const isShort = addressBytes === 4 && networkKey === 0
    this.#hash = halfSipHash(key, isShort ? 3 : keyWords, isShort ? 4 : 1, this.#seed0, this.#seed1)
    this.isSenderFirst = isFirst
  }

  #hasKey(flow: number): boolean {
    const keys = this.#keys
    const key = this.key
    const at = flow * keyWords
    if (keys[at] !== key[0] || keys[at + 4] !== key[4] || keys[at + portsWord] !== key[portsWord]) return false
    if (keys[at + versionWord] !== key[versionWord]) return false
    if ((key[versionWord]! & versionMask) === 4) return true
    for (let word = 1; word < 8; word++) if (keys[at + word] !== key[word]) return false
    return true
  }

  #place(flow: number): void {
    const slots = this.#slots
    const mask = slots.length - 1
    let slot = this.#hashes[flow]! & mask
    while (slots[slot] !== 0) slot = (slot + 1) & mask
    slots[slot] = flow + 1
  }

  #growSlots(): void {
    const flows = this.#slots.filter((entry) => entry !== 0)
    this.#slots = new Int32Array(this.#slots.length * 2)
    for (const entry of flows) this.#place(entry - 1)
  }

  #growFlows(): void {
    const keys = new Uint32Array(this.#keys.length * 2)
    keys.set(this.#keys)
    this.#keys = keys
    const hashes = new Int32Array(this.#hashes.length * 2)
    hashes.set(this.#hashes)
    this.#hashes = hashes
  }
}
