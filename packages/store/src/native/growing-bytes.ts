/** Bytes that grow at their end, by doubling; the memory is kept when they begin anew. */

/** Above it one native call is cheaper than a loop over bytes. */
const loopCopyMaxBytes = 48

export class GrowingBytes {
  bytes: Uint8Array
  length = 0

  /** Of a capacity in bytes, or in memory that is there. */
  constructor(memory: number | Uint8Array = 4_096) {
    this.bytes = typeof memory === 'number' ? new Uint8Array(memory) : memory
  }

  /** Room for `count` more, so that the caller may write at `length` and move it. */
  reserve(count: number): void {
    const needed = this.length + count
    if (needed <= this.bytes.length) return
    const grown = new Uint8Array(Math.max(needed, 2 * this.bytes.length))
    grown.set(this.bytes.subarray(0, this.length))
    this.bytes = grown
  }

  copy(source: Uint8Array, from: number, to: number): void {
    const count = to - from
    this.reserve(count)
    const { bytes } = this
    let at = this.length
    if (count > loopCopyMaxBytes) bytes.set(source.subarray(from, to), at)
    else for (let i = from; i < to; i++) bytes[at++] = source[i]! // In range: the caller's `to` is.
    this.length += count
  }

  /** Seven bits a byte, the lowest first, the high bit on all but the last: how Native writes lengths. */
  varint(value: number): void {
    this.reserve(8)
    while (value > 127) {
      this.bytes[this.length++] = (value & 127) | 128
      value = Math.floor(value / 128)
    }
    this.bytes[this.length++] = value
  }

  uint64(value: number): void {
    this.reserve(8)
    for (let left = value, i = 0; i < 8; i++) {
      this.bytes[this.length++] = left & 255
      left = Math.floor(left / 256)
    }
  }
}
