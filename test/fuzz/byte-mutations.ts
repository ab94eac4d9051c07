/** Noise without knowledge of any format: what a bad cable, a bad disk or a lazy attacker does to bytes. Every function returns a copy. */

import type { Random } from '../random.js'
import { concatenated } from './fuzz-frame.js'

/** Where parsers have their edges. */
const interestingBytes = [0, 1, 9, 10, 13, 32, 0x22, 0x25, 0x2f, 0x3a, 0x5c, 0x7b, 0x7f, 0x80, 0xc0, 0xfe, 0xff]
const interestingWords = [0, 1, 2, 0x7f, 0x80, 0xff, 0x100, 0x3fff, 0x4000, 0x7fff, 0x8000, 0xffff]
const interestingLongs = [0, 1, 0xff, 0xffff, 0x10000, 0xff_ffff, 0x100_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]

type ByteMutation = (bytes: Uint8Array, random: Random) => Uint8Array

const flipBit: ByteMutation = (bytes, random) => {
  const copy = bytes.slice()
  const at = random.below(copy.length)
  copy[at] = copy[at]! ^ (1 << random.below(8))
  return copy
}

const setByte: ByteMutation = (bytes, random) => {
  const copy = bytes.slice()
  copy[random.below(copy.length)] = random.chance(0.5) ? random.pick(interestingBytes) : random.below(256)
  return copy
}

const setWord: ByteMutation = (bytes, random) => {
  if (bytes.length < 2) return bytes
  const copy = bytes.slice()
  viewOf(copy).setUint16(random.below(copy.length - 1), random.pick(interestingWords), random.chance(0.2))
  return copy
}

const setLong: ByteMutation = (bytes, random) => {
  if (bytes.length < 4) return bytes
  const copy = bytes.slice()
  viewOf(copy).setUint32(random.below(copy.length - 3), random.pick(interestingLongs), random.chance(0.2))
  return copy
}

const addToByte: ByteMutation = (bytes, random) => {
  const copy = bytes.slice()
  const at = random.below(copy.length)
  copy[at] = copy[at]! + random.pick([-2, -1, 1, 2, 16])
  return copy
}

const remove: ByteMutation = (bytes, random) => {
  const from = random.below(bytes.length)
  return concatenated(bytes.subarray(0, from), bytes.subarray(from + 1 + random.below(random.chance(0.8) ? 8 : 400)))
}

const repeat: ByteMutation = (bytes, random) => {
  const from = random.below(bytes.length)
  const part = bytes.subarray(from, from + 1 + random.below(random.chance(0.8) ? 16 : 600))
  return concatenated(
    bytes.subarray(0, from),
    ...Array.from({ length: 1 + random.below(4) }, () => part),
    bytes.subarray(from),
  )
}

const insert: ByteMutation = (bytes, random) => {
  const at = random.below(bytes.length + 1)
  return concatenated(bytes.subarray(0, at), randomBytes(random, 1 + random.below(12)), bytes.subarray(at))
}

const cut: ByteMutation = (bytes, random) => bytes.slice(0, random.below(bytes.length))

const mutations: readonly ByteMutation[] = [
  flipBit,
  flipBit,
  setByte,
  setByte,
  setWord,
  setLong,
  addToByte,
  remove,
  repeat,
  insert,
  cut,
]

export function noisy(bytes: Uint8Array, random: Random, times = 1): Uint8Array {
  let mutated = bytes
  for (let time = 0; time < times; time++) {
    if (mutated.length === 0) return randomBytes(random, random.below(8))
    mutated = random.pick(mutations)(mutated, random)
  }
  return mutated
}

/** As long as before: what noise does to a frame whose lengths must stay believable. */
export function noisyInPlace(bytes: Uint8Array, random: Random, from: number, to: number, times: number): Uint8Array {
  const copy = bytes.slice()
  const end = Math.min(to, copy.length)
  if (from >= end) return copy
  for (let time = 0; time < times; time++) {
    const at = from + random.below(end - from)
    copy[at] = random.chance(0.5) ? copy[at]! ^ (1 << random.below(8)) : random.pick(interestingBytes)
  }
  return copy
}

export function randomBytes(random: Random, count: number): Uint8Array {
  return Uint8Array.from({ length: count }, () => random.below(256))
}

export function randomWord(random: Random): number {
  return random.chance(0.5) ? random.pick(interestingWords) : random.below(0x1_0000)
}

export function randomLong(random: Random): number {
  return random.chance(0.5) ? random.pick(interestingLongs) : random.below(0x1_0000_0000)
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
