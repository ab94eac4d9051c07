/**
 * Inflation through one native handle that is used again for every stream. Node's public calls make a handle, a stream and 16 KiB for
 * each (13.7 µs a body of 1.6 kB, against 7.0), and have no other way. This is Node's private interface, so it stays in this
 * file: `inflateHandle` is undefined where a trial at load finds it to behave other than expected, and callers then use public calls.
 *
 * Takes whole, undamaged streams only. Anything else gives undefined: what to make of it is decided by public calls.
 */

import zlib from 'node:zlib'

/** The output of one stream, lent: its bytes hold until the pool of outputs is `rewind`ed. */
export interface InflateHandle {
  /** Undefined unless `bytes` is a whole gzip stream of at most `outputMaxBytes`. */
  gunzip(bytes: Uint8Array, outputMaxBytes: number): Uint8Array | undefined
  /** Nobody reads earlier outputs any more. */
  rewind(): void
}

const firstOutputBytes = 65_536
/** A larger output buffer is not kept for the next transaction. */
const keptOutputMaxBytes = 1_048_576

/** What Node's Gunzip object has inside. `_writeState`: free octets of the output, unread octets of the input. */
interface Internals {
  readonly _handle: {
    onerror: () => void
    reset(): void
    writeSync(
      flush: number,
      input: Uint8Array,
      inputFrom: number,
      inputBytes: number,
      output: Uint8Array,
      outputFrom: number,
      outputBytes: number,
    ): void
  }
  readonly _writeState: Uint32Array
}

class NativeInflate implements InflateHandle {
  readonly #native: Internals['_handle']
  readonly #state: Uint32Array
  #output = new Uint8Array(firstOutputBytes)
  #usedBytes = 0
  #isBad = false

  constructor({ _handle, _writeState }: Internals) {
    this.#native = _handle
    this.#state = _writeState
    _handle.onerror = () => {
      this.#isBad = true
    }
  }

  gunzip(bytes: Uint8Array, outputMaxBytes: number): Uint8Array | undefined {
    let at = this.#usedBytes
    let unreadBytes = bytes.length
    this.#isBad = false
    this.#native.reset()
    for (;;) {
      const freeBytes = this.#output.length - at
      const from = bytes.length - unreadBytes
      this.#native.writeSync(zlib.constants.Z_FINISH, bytes, from, unreadBytes, this.#output, at, freeBytes)
      if (this.#isBad) return undefined
      const leftBytes = this.#state[0]! // Two numbers, as the trial proved.
      unreadBytes = this.#state[1]!
      at += freeBytes - leftBytes
      if (at - this.#usedBytes > outputMaxBytes) return undefined
      if (leftBytes > 0) break
      at = this.#grow(at)
    }
    const output = this.#output.subarray(this.#usedBytes, at)
    this.#usedBytes = at
    return output
  }

  rewind(): void {
    this.#usedBytes = 0
    if (this.#output.length > keptOutputMaxBytes) this.#output = new Uint8Array(firstOutputBytes)
  }

  /** Moves the output of the present stream, which ends at `end`, to a larger buffer. Earlier ones stay where they are lent. */
  #grow(end: number): number {
    const bytes = end - this.#usedBytes
    const grown = new Uint8Array(Math.max(firstOutputBytes, bytes * 2))
    grown.set(this.#output.subarray(this.#usedBytes, end))
    this.#output = grown
    this.#usedBytes = 0
    return bytes
  }
}

/** A handle, or undefined where Node's private interface is not what this file takes it for. */
export function openInflateHandle(): InflateHandle | undefined {
  try {
    const handle = new NativeInflate(zlib.createGunzip() as unknown as Internals)
    return isAsExpected(handle) ? handle : undefined
  } catch {
    return undefined
  }
}

/** Whole streams, one larger than the first output buffer, one of two members; then damage, a stream cut short, a limit; then a whole one again. */
function isAsExpected(handle: InflateHandle): boolean {
  const text = Buffer.from('{"id":1,"name":"a"},'.repeat(200))
  const large = Buffer.alloc(firstOutputBytes * 3 + 17, text)
  const packed = zlib.gzipSync(text)
  const damaged = Uint8Array.from(packed, (octet, index) => (index === packed.length >> 1 ? octet ^ 0xff : octet))
  const isUndone = (bytes: Uint8Array, expected: Uint8Array) => {
    const output = handle.gunzip(bytes, large.length)
    return output !== undefined && Buffer.compare(output, expected) === 0
  }
  const isRefused = (bytes: Uint8Array, outputMaxBytes: number) => handle.gunzip(bytes, outputMaxBytes) === undefined
  const isFit =
    isUndone(packed, text) &&
    isUndone(zlib.gzipSync(large), large) &&
    isUndone(Buffer.concat([packed, packed]), Buffer.concat([text, text])) &&
    isRefused(damaged, large.length) &&
    isRefused(packed.subarray(0, packed.length - 9), large.length) &&
    isRefused(packed, text.length - 1) &&
    isUndone(packed, text)
  handle.rewind()
  return isFit
}
