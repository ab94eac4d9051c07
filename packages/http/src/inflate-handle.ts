/**
 * Decompression through native handles that are used again for every stream. Node's public calls make a handle, a stream and 16 KiB for
 * each (13.7 µs a body of 1.6 kB, against 7.0), and throw away what came out before an error. This is Node's private interface, so it
 * stays in this file: a handle is undefined where a trial finds it to behave other than expected, and callers then use public calls.
 */

import zlib from 'node:zlib'

/** How a stream ended. `cut`: it would go on; `damaged`: at an error; `too-large`: more comes out than was allowed. */
export type StreamEnd = 'whole' | 'cut' | 'damaged' | 'too-large'

export interface InflatedPart {
  /** All that came out before the end; `damaged`: out of the octets in front of the first one that is in error. Empty if `too-large`. */
  readonly output: Uint8Array
  readonly end: StreamEnd
  /** Octets behind the end of a whole stream. */
  readonly unreadBytes: number
  /** What came out in all, also what was made twice. At most twice the allowed size. */
  readonly workBytes: number
}

export interface InflateHandle {
  /** The output of a whole stream of at most `outputMaxBytes`, lent until `rewind`; undefined for anything else. */
  inflate(bytes: Uint8Array, outputMaxBytes: number): Uint8Array | undefined
  /** Whatever comes out, in a buffer of its own. Slower than `inflate`. */
  inflatePart(bytes: Uint8Array, outputMaxBytes: number): InflatedPart
  /** Nobody reads earlier outputs any more. */
  rewind(): void
}

const firstOutputBytes = 65_536
/** A larger output buffer is not kept for the next transaction. */
const keptOutputMaxBytes = 1_048_576
/** Input between two looks at the output; within it damage is found octet by octet. */
const strideBytes = 256
const noBytes = new Uint8Array(0)

/** What Node's decompressing streams have inside. `_writeState`: free octets of the output, unread octets of the input. */
interface Internals {
  readonly _handle: {
    onerror: () => void
    reset(): void
    close(): void
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

/** The operations that end a stream, and that do not: zlib's, Brotli's. */
interface Flushes {
  readonly finish: number
  readonly proceed: number
}

class NativeInflate implements InflateHandle {
  readonly #open: () => Internals
  #native: Internals['_handle']
  #state: Uint32Array
  readonly #flushes: Flushes
  /** Outputs behind one another, those that are lent first. */
  #output = new Uint8Array(firstOutputBytes)
  #usedBytes = 0
  #isBad = false
  /** Of the present part: the end of its output, octets that the last `#feed` did not read. */
  #part = noBytes
  #partBytes = 0
  #unreadBytes = 0

  constructor(open: () => Internals, flushes: Flushes) {
    this.#open = open
    const { _handle, _writeState } = open()
    this.#native = _handle
    this.#state = _writeState
    this.#flushes = flushes
    this.#listen()
  }

  inflate(bytes: Uint8Array, outputMaxBytes: number): Uint8Array | undefined {
    let at = this.#usedBytes
    let unreadBytes = bytes.length
    this.#reset()
    for (;;) {
      const freeBytes = this.#output.length - at
      const from = bytes.length - unreadBytes
      this.#native.writeSync(this.#flushes.finish, bytes, from, unreadBytes, this.#output, at, freeBytes)
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

  /** An error hides what the call that met it has put out: it is met in small steps, and once found, again in steps of one octet. */
  inflatePart(bytes: Uint8Array, outputMaxBytes: number): InflatedPart {
    this.#startPart(outputMaxBytes)
    let at = 0
    while (at < bytes.length) {
      const count = Math.min(strideBytes, bytes.length - at)
      const isGood = this.#feed(bytes, at, count, outputMaxBytes)
      if (!isGood) return this.#isBad ? this.#damagedPart(bytes, at, outputMaxBytes) : this.#tooLarge()
      at += count - this.#unreadBytes
      if (this.#unreadBytes > 0) break
    }
    const output = this.#part.subarray(0, this.#partBytes)
    const unreadBytes = bytes.length - at
    const isWhole = unreadBytes > 0 || this.#isAtEnd(bytes)
    this.#part = noBytes
    return { output, end: isWhole ? 'whole' : 'cut', unreadBytes, workBytes: output.length }
  }

  rewind(): void {
    this.#usedBytes = 0
    if (this.#output.length > keptOutputMaxBytes) this.#output = new Uint8Array(firstOutputBytes)
  }

  #listen(): void {
    this.#native.onerror = () => {
      this.#isBad = true
    }
  }

  /** Brotli's handle does not forget an error: another takes its place. */
  #reset(): void {
    if (this.#isBad && this.#flushes === brotliFlushes) {
      this.#native.close()
      const { _handle, _writeState } = this.#open()
      this.#native = _handle
      this.#state = _writeState
      this.#listen()
    } else this.#native.reset()
    this.#isBad = false
  }

  /** The error lies within a stride from `goodBytes` on, which are undone once more. */
  #damagedPart(bytes: Uint8Array, goodBytes: number, outputMaxBytes: number): InflatedPart {
    const firstPassBytes = this.#partBytes
    this.#startPart(outputMaxBytes)
    if (goodBytes > 0) this.#feed(bytes, 0, goodBytes, outputMaxBytes)
    for (let at = goodBytes; this.#feed(bytes, at, 1, outputMaxBytes); at++);
    if (!this.#isBad) return this.#tooLarge(firstPassBytes)
    const output = this.#part.subarray(0, this.#partBytes)
    this.#part = noBytes
    return { output, end: 'damaged', unreadBytes: 0, workBytes: firstPassBytes + output.length }
  }

  #tooLarge(earlierBytes = 0): InflatedPart {
    const workBytes = earlierBytes + this.#partBytes
    this.#part = noBytes
    return { output: noBytes, end: 'too-large', unreadBytes: 0, workBytes }
  }

  #startPart(outputMaxBytes: number): void {
    this.#part = new Uint8Array(Math.min(firstOutputBytes, outputMaxBytes + 1))
    this.#partBytes = 0
    this.#reset()
  }

  /** False on an error (`#isBad`), or if more than `outputMaxBytes` came out. There is always room for one octet more than that. */
  #feed(bytes: Uint8Array, from: number, count: number, outputMaxBytes: number): boolean {
    this.#unreadBytes = count
    for (;;) {
      const freeBytes = this.#part.length - this.#partBytes
      const at = from + count - this.#unreadBytes
      this.#native.writeSync(
        this.#flushes.proceed,
        bytes,
        at,
        this.#unreadBytes,
        this.#part,
        this.#partBytes,
        freeBytes,
      )
      if (this.#isBad) return false
      const leftBytes = this.#state[0]!
      this.#unreadBytes = this.#state[1]!
      this.#partBytes += freeBytes - leftBytes
      if (this.#partBytes > outputMaxBytes) return false
      if (leftBytes > 0) return true
      const grown = new Uint8Array(Math.min(outputMaxBytes + 1, this.#part.length * 2))
      grown.set(this.#part)
      this.#part = grown
    }
  }

  /** Only a stream that has ended can be told to end. */
  #isAtEnd(bytes: Uint8Array): boolean {
    const scratch = new Uint8Array(64)
    this.#native.writeSync(this.#flushes.finish, bytes, bytes.length, 0, scratch, 0, scratch.length)
    return !this.#isBad
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

const { constants } = zlib
const zlibFlushes: Flushes = { finish: constants.Z_FINISH, proceed: constants.Z_SYNC_FLUSH }
const brotliFlushes: Flushes = {
  finish: constants.BROTLI_OPERATION_FINISH,
  proceed: constants.BROTLI_OPERATION_PROCESS,
}

export type StreamFormat = 'gzip' | 'zlib' | 'raw' | 'br'

interface Format {
  readonly open: () => unknown
  readonly pack: (bytes: Uint8Array) => Buffer
  /** Without an end: more could follow. */
  readonly packOpen: (bytes: Uint8Array) => Buffer
  readonly flushes: Flushes
}

const withoutEnd = { finishFlush: constants.Z_SYNC_FLUSH }
const formats: Readonly<Record<StreamFormat, Format>> = {
  gzip: {
    open: zlib.createGunzip,
    pack: zlib.gzipSync,
    packOpen: (bytes) => zlib.gzipSync(bytes, withoutEnd),
    flushes: zlibFlushes,
  },
  zlib: {
    open: zlib.createInflate,
    pack: zlib.deflateSync,
    packOpen: (bytes) => zlib.deflateSync(bytes, withoutEnd),
    flushes: zlibFlushes,
  },
  raw: {
    open: zlib.createInflateRaw,
    pack: zlib.deflateRawSync,
    packOpen: (bytes) => zlib.deflateRawSync(bytes, withoutEnd),
    flushes: zlibFlushes,
  },
  br: {
    open: zlib.createBrotliDecompress,
    pack: zlib.brotliCompressSync,
    packOpen: (bytes) => zlib.brotliCompressSync(bytes, { finishFlush: constants.BROTLI_OPERATION_FLUSH }),
    flushes: brotliFlushes,
  },
}

/** Begins a block of a type that neither DEFLATE (RFC 1951 §3.2.3) nor Brotli (RFC 7932 §9.2) has. */
const badBlock = Buffer.alloc(16, 0x0e)

/** A handle, or undefined where Node's private interface is not what this file takes it for. */
export function openInflateHandle(name: StreamFormat): InflateHandle | undefined {
  const format = formats[name]
  try {
    const handle = new NativeInflate(() => format.open() as Internals, format.flushes)
    return isAsExpected(handle, format, name === 'gzip') ? handle : undefined
  } catch {
    return undefined
  }
}

/** Whole streams, one larger than the first output buffer, one of two members; then damage, a stream cut short, a limit; then a whole one again. */
function isAsExpected(handle: InflateHandle, { pack, packOpen }: Format, hasMembers: boolean): boolean {
  const text = Buffer.from('{"id":1,"name":"a"},'.repeat(200))
  const large = Buffer.alloc(firstOutputBytes * 3 + 17, text)
  const packed = pack(text)
  const packedLarge = pack(large)
  const cut = packOpen(text)
  const damaged = Buffer.concat([cut, badBlock])
  const isUndone = (bytes: Uint8Array, expected: Uint8Array) => {
    const output = handle.inflate(bytes, large.length)
    return output !== undefined && Buffer.compare(output, expected) === 0
  }
  const isRefused = (bytes: Uint8Array, outputMaxBytes: number) => handle.inflate(bytes, outputMaxBytes) === undefined
  const isPart = (bytes: Uint8Array, outputMaxBytes: number, end: StreamEnd, expected: Uint8Array) => {
    const part = handle.inflatePart(bytes, outputMaxBytes)
    return part.end === end && Buffer.compare(part.output, expected) === 0
  }
  const isFit =
    isUndone(packed, text) &&
    isUndone(packedLarge, large) &&
    (!hasMembers || isUndone(Buffer.concat([packed, packed]), Buffer.concat([text, text]))) &&
    isRefused(damaged, large.length) &&
    isRefused(cut, large.length) &&
    isRefused(packed, text.length - 1) &&
    isPart(packed, text.length, 'whole', text) &&
    isPart(packedLarge, large.length, 'whole', large) &&
    isPart(packed, text.length - 1, 'too-large', noBytes) &&
    isPart(cut, large.length, 'cut', text) &&
    isPart(damaged, large.length, 'damaged', text) &&
    isUndone(packed, text)
  handle.rewind()
  return isFit
}
