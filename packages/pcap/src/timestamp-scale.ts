/** pcapng timestamps (a 64-bit count in units that each interface declares) → whole microseconds since the epoch. */

/** Largest time we hand on; a hostile or broken clock saturates here. */
const timeMaxUs = Number.MAX_SAFE_INTEGER
const twoTo32 = 4_294_967_296

export type TimestampScale = (high: number, low: number) => number

/**
 * `resolution` is the byte of if_tsresol: 10^-n s, or 2^-n s with the high bit set. `offsetSeconds` is if_tsoffset, added to each time.
 * Exact for every resolution; allocates only for those other than µs and ns. The result lies in [0, 2^53).
 */
export function timestampScale(resolution: number, offsetSeconds: number): TimestampScale {
  const offsetUs = offsetSeconds * 1_000_000
  if (resolution === 6) return (high, low) => clamp(high * twoTo32 + low + offsetUs)
  if (resolution === 9) {
    return (high, low) => {
      const rest = (high % 1_000) * twoTo32 + low
      return clamp(Math.floor(high / 1_000) * twoTo32 + Math.floor(rest / 1_000) + offsetUs)
    }
  }
  const ticksPerSecond = resolution >= 0x80 ? 2n ** BigInt(resolution & 0x7f) : 10n ** BigInt(resolution)
  return (high, low) => {
    const ticks = (BigInt(high) << 32n) | BigInt(low)
    return clamp(Number((ticks * 1_000_000n) / ticksPerSecond) + offsetUs)
  }
}

function clamp(timeUs: number): number {
  return timeUs < 0 ? 0 : timeUs > timeMaxUs ? timeMaxUs : timeUs
}
