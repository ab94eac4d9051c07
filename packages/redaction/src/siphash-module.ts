/**
 * SipHash-2-4 (Aumasson, Bernstein 2012) as a WebAssembly module: 64-bit additions and rotations are single instructions there, where JavaScript takes
 * a dozen. The module is put together here, instruction by instruction, so that nothing is compiled at build time and nothing is loaded.
 *
 * Its memory is the interface, little-endian: the key at 0, the hash at 16, the value from `valueAt` on, with zeros up to the next whole block.
 */

/** The caller's side of the module: write key and value into `words`, call `hash` with the value's bytes, read the hash. */
export interface SipHashModule {
  readonly words: Int32Array
  hash(lengthBytes: number): void
}

export const keyWord = 0
export const lowWord = 4
export const highWord = 5
export const valueWord = 8
/** Longer values do not fit. */
export const moduleValueMaxBytes = 4_096

const valueAt = valueWord * 4

/** What we use of WebAssembly, which the types of Node do not declare. */
interface WebAssemblyApi {
  Module: new (bytes: Uint8Array) => object
  Instance: new (module: object) => { exports: { memory: { buffer: ArrayBuffer }; hash: (length: number) => void } }
}

const { WebAssembly } = globalThis as unknown as { WebAssembly: WebAssemblyApi }

/** A module with memory of its own: a few µs, and 64 KiB. */
export function createSipHashModule(): SipHashModule {
  compiled ??= new WebAssembly.Module(moduleBytes())
  const { memory, hash } = new WebAssembly.Instance(compiled).exports
  return { words: new Int32Array(memory.buffer), hash }
}

let compiled: object | undefined

type Code = readonly number[]
const i32 = 0x7f
const i64 = 0x7e
const end = 0x0b

/** Local variables; the parameter is the first. */
const length = 0
const at = 1
const stop = 2
const v0 = 3
const v1 = 4
const v2 = 5
const v3 = 6
const block = 7

const get = (local: number): Code => [0x20, local]
const set = (local: number): Code => [0x21, local]
const const32 = (value: number): Code => [0x41, ...signedLeb(BigInt(value))]
const const64 = (value: bigint): Code => [0x42, ...signedLeb(BigInt.asIntN(64, value))]
const load64 = (address: Code, offset: number): Code => [...address, 0x29, 0, ...leb(offset)]
const store64 = (offset: number, value: Code): Code => [...const32(0), ...value, 0x37, 0, ...leb(offset)]
const add64 = (a: Code, b: Code): Code => [...a, ...b, 0x7c]
const xor64 = (a: Code, b: Code): Code => [...a, ...b, 0x85]
const rotated = (a: Code, bits: bigint): Code => [...a, ...const64(bits), 0x89]

/** SipRound: `a += b; b = (b <<< bits) ^ a` four times, and two halves swapped. */
function round(): Code {
  const half = (a: number, b: number, bits: bigint): Code => [
    ...add64(get(a), get(b)),
    ...set(a),
    ...xor64(rotated(get(b), bits), get(a)),
    ...set(b),
  ]
  const swapped = (a: number): Code => [...rotated(get(a), 32n), ...set(a)]
  return [
    ...half(v0, v1, 13n),
    ...swapped(v0),
    ...half(v2, v3, 16n),
    ...half(v0, v3, 21n),
    ...half(v2, v1, 17n),
    ...swapped(v2),
  ]
}

/** Takes in the 64 bits of `block`. */
function compression(): Code {
  return [...xor64(get(v3), get(block)), ...set(v3), ...round(), ...round(), ...xor64(get(v0), get(block)), ...set(v0)]
}

function hashBody(): Code {
  const key0 = load64(const32(0), 0)
  const key1 = load64(const32(0), 8)
  const start = (v: number, key: Code, text: bigint): Code => [...xor64(key, const64(text)), ...set(v)]
  const lengthByte: Code = [...get(length), 0xad, ...const64(56n), 0x86] // Extended to 64 bits, shifted left.
  return [
    ...start(v0, key0, 0x736f6d6570736575n),
    ...start(v1, key1, 0x646f72616e646f6dn),
    ...start(v2, key0, 0x6c7967656e657261n),
    ...start(v3, key1, 0x7465646279746573n),
    ...[...get(length), ...const32(-8), 0x71, ...set(stop)], // Bytes in whole blocks.
    ...[0x02, 0x40, 0x03, 0x40], // block { loop {
    ...[...get(at), ...get(stop), 0x4f, 0x0d, 1], // Leave when all whole blocks are in.
    ...[...load64(get(at), valueAt), ...set(block)],
    ...compression(),
    ...[...get(at), ...const32(8), 0x6a, ...set(at)],
    ...[0x0c, 0, end, end], // Again. } }
    ...[...load64(get(at), valueAt), ...lengthByte, 0x84, ...set(block)], // What is left, and the length.
    ...compression(),
    ...[...xor64(get(v2), const64(0xffn)), ...set(v2)],
    ...[...round(), ...round(), ...round(), ...round()],
    ...store64(16, xor64(xor64(get(v0), get(v1)), xor64(get(v2), get(v3)))),
    end,
  ]
}

/** The sections of the module: one type, one function, one page of memory, two exports. */
function moduleBytes(): Uint8Array {
  const section = (id: number, content: Code): Code => [id, ...leb(content.length), ...content]
  const name = (text: string): Code => [text.length, ...Buffer.from(text)]
  const locals: Code = [2, 2, i32, 5, i64]
  const body = [...locals, ...hashBody()]
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 1, i32, 0]),
    ...section(3, [1, 0]),
    ...section(5, [1, 0, 1]),
    ...section(7, [2, ...name('memory'), 2, 0, ...name('hash'), 0, 0]),
    ...section(10, [1, ...leb(body.length), ...body]),
  ])
}

function leb(value: number): Code {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...leb(value >>> 7)]
}

function signedLeb(value: bigint): Code {
  const low = Number(value & 0x7fn)
  const rest = value >> 7n
  const isLast = (rest === 0n && (low & 0x40) === 0) || (rest === -1n && (low & 0x40) !== 0)
  return isLast ? [low] : [low | 0x80, ...signedLeb(rest)]
}
