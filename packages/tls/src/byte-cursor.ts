/** Reads the length-prefixed vectors of TLS messages (RFC 8446 §3.4) without ever leaving their bounds. */

export class ByteCursor {
  readonly #bytes: Uint8Array
  #at: number
  readonly #to: number
  /** A read went beyond the end; everything read since is 0 or empty. */
  isShort = false

  constructor(bytes: Uint8Array, from: number, to: number) {
    this.#bytes = bytes
    this.#at = from
    this.#to = to
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#to
  }

  uint8(): number {
    return this.#has(1) ? this.#bytes[this.#at++]! : 0 // Here and below: in range by `#has`.
  }

  uint16(): number {
    if (!this.#has(2)) return 0
    const value = (this.#bytes[this.#at]! << 8) | this.#bytes[this.#at + 1]!
    this.#at += 2
    return value
  }

  /** Borrowed. */
  take(lengthBytes: number): Uint8Array {
    if (!this.#has(lengthBytes)) return noBytes
    this.#at += lengthBytes
    return this.#bytes.subarray(this.#at - lengthBytes, this.#at)
  }

  /** A vector with a length of one byte, or of two. */
  vector8(): ByteCursor {
    return this.#vector(this.uint8())
  }

  vector16(): ByteCursor {
    return this.#vector(this.uint16())
  }

  /** Numbers of two bytes up to the end; an odd byte behind them is dropped. */
  uint16s(): number[] {
    const values: number[] = []
    while (this.#at + 2 <= this.#to) values.push(this.uint16())
    return values
  }

  #vector(lengthBytes: number): ByteCursor {
    if (!this.#has(lengthBytes)) return new ByteCursor(noBytes, 0, 0)
    this.#at += lengthBytes
    return new ByteCursor(this.#bytes, this.#at - lengthBytes, this.#at)
  }

  #has(lengthBytes: number): boolean {
    if (!this.isShort && this.#at + lengthBytes <= this.#to) return true
    this.isShort = true
    this.#at = this.#to
    return false
  }
}

const noBytes = new Uint8Array(0)
