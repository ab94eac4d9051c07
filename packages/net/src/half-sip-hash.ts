/**
 * HalfSipHash-1-3: a keyed hash of 32-bit words for tables whose keys come from the wire. Who does not know the key cannot choose words
 * that collide; with the round of a fast hash, as MurmurHash3's, that is possible under every seed. Aumasson, Bernstein: "SipHash", 2012.
 */

/** Hashes every `step`-th of `words`, `count` of them; the key is two unsigned 32-bit numbers. Returns a signed 32-bit number. */
export function halfSipHash(words: Uint32Array, count: number, step: number, key0: number, key1: number): number {
  let v0 = key0 | 0
  let v1 = key1 | 0
  let v2 = key0 ^ 0x6c796765
  let v3 = key1 ^ 0x74656462
  // The message, then its length in bytes, then three rounds to finish.
  for (let round = 0; round < count + 4; round++) {
    const word = round < count ? words[round * step]! | 0 : round === count ? (count * 4) << 24 : 0
    v3 ^= word
    v0 = (v0 + v1) | 0
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
    v0 = (v0 << 16) | (v0 >>> 16)
    v2 = (v2 + v3) | 0
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
    v0 = (v0 + v3) | 0
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
    v2 = (v2 + v1) | 0
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
    v2 = (v2 << 16) | (v2 >>> 16)
    v0 ^= word
    if (round === count) v2 ^= 0xff
  }
  return v1 ^ v3
}
