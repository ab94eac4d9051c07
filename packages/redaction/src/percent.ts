/** Percent-decoding (RFC 3986 §2.1), for recognition, tokens and names only; what is published in clear keeps its encoding. */

import { PERCENT } from '@tapwarden/sensitive-data/byte-class'

const percent = 0x25
const plus = 0x2b
const againMaxCount = 3

/** Decodes `bytes[from, to)` into `out` at `outFrom`, which has room for as many bytes; returns the end. Bad escapes stay as they are. */
export function percentDecode(
  bytes: Uint8Array,
  from: number,
  to: number,
  out: Uint8Array,
  outFrom: number,
  plusIsBlank: boolean,
): number {
  let at = outFrom
  for (let i = from; i < to; i++) {
    const byte = bytes[i]! // In range by the loop condition.
    if (byte === percent && i + 2 < to) {
      const high = hexValue(bytes[i + 1]!)
      const low = hexValue(bytes[i + 2]!)
      if (high >= 0 && low >= 0) {
        out[at++] = high * 16 + low
        i += 2
        continue
      }
    }
    out[at++] = byte === plus && plusIsBlank ? 0x20 : byte
  }
  return at
}

/** What a text that still holds escapes after one decoding becomes in the end: secrets hide behind `%2540` too. */
export function decodedAgain(bytes: Uint8Array, from: number, to: number, classes: number): Uint8Array | undefined {
  if ((classes & PERCENT) === 0) return undefined
  let decoded = bytes.slice(from, to)
  for (let round = 0; round < againMaxCount; round++) {
    const end = percentDecode(decoded, 0, decoded.length, decoded, 0, false)
    if (end === decoded.length) break
    decoded = decoded.slice(0, end)
  }
  return decoded
}

function hexValue(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const letter = byte | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1
}
