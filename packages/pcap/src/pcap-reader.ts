/**
 * Capture bytes → frames. A push parser for pcap (either byte order, µs and ns) and pcapng (several sections and interfaces):
 * hand it bytes cut anywhere, and it calls `onFrame` once a frame, always with the same `FrameView`, allocating nothing per frame.
 *
 *   start ──magic──► pcap: record, record, …
 *      └────────────► pcapng: block, block, … (SHB starts a new section: new byte order, interfaces forgotten)
 *   any state ──fault──► dead: every later call returns the same fault
 *
 * Invariant: a unit (header, record, block) that is whole in the pushed bytes is read in place; only one that is cut is copied,
 * into a carry buffer that grows with the bytes that really arrive, never with a length that the file merely states.
 * draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng.
 *
 * @long: one state machine of two formats, which share how a unit that is cut is put together.
 */

import { assert } from '@tapwarden/base/assert'
import { compressionHint } from './compression.js'
import { type CaptureInterface, parseInterface } from './pcapng-interface.js'

export type PcapFaultCode = 'empty' | 'not-a-capture' | 'truncated' | 'record-too-large' | 'malformed-record'

/** Why reading stopped. Frames before it are good. */
export interface PcapFault {
  readonly code: PcapFaultCode
  readonly detail: string
  /** Offset in the capture of the unit that could not be read. */
  readonly atBytes: number
}

/** One captured frame: `buffer[offset, end)`. Reused for every frame and borrowed until `onFrame` returns. */
export interface FrameView {
  readonly buffer: Uint8Array
  /** Over exactly the bytes of `buffer`, so that offsets mean the same in both. */
  readonly view: DataView
  readonly offset: number
  readonly end: number
  /** `end - offset`. */
  readonly capturedBytes: number
  /** On the wire; more than `capturedBytes` when a snap length cut the frame. */
  readonly originalBytes: number
  /** A safe, non-negative integer whatever the file says. Simple Packet Blocks carry no time: they get that of the frame before. */
  readonly timestampUs: number
  /** LINKTYPE_ number of tcpdump.org/linktypes.html. */
  readonly linkType: number
  /** 0-based within its pcapng section; 0 for pcap. */
  readonly interfaceIndex: number
}

export interface PcapReaderOptions {
  /** Must not call back into the reader. */
  readonly onFrame: (frame: FrameView) => void
  /** TLS secrets that the capture brings along, in the format of a key log: `bytes[from, to)`, borrowed. Without it they are skipped. */
  readonly onTlsSecrets?: (bytes: Uint8Array, from: number, to: number) => void
  /** A frame longer than this is a fault. Default `frameDefaultMaxBytes`. */
  readonly frameMaxBytes?: number
}

/** Libpcap's largest snap length. */
export const frameDefaultMaxBytes = 262_144
/** Blocks that we interpret may carry options beside the frame; more than this is no sane capture. */
const blockOverheadMaxBytes = 1_048_576
/** Largest block that we skip: Wireshark's limit for a block. */
const skippedBlockMaxBytes = 16_777_216
const interfaceMaxCount = 65_536

const fileHeaderBytes = 24
const blockHeaderBytes = 8
const blockMinBytes = 12
const sectionMinBytes = 28
const sectionHeader = 0x0a0d0d0a
const interfaceDescription = 1
const obsoletePacket = 2
const simplePacket = 3
const enhancedPacket = 6
/** draft-ietf-opsawg-pcapng §4.7. */
const decryptionSecrets = 10
const tlsKeyLog = 0x544c534b
const secretsHeaderBytes = 8

interface PcapVariant {
  readonly littleEndian: boolean
  readonly nanoseconds: boolean
  readonly recordHeaderBytes: number
}

/** First four bytes, read in network order. The last pair is Kuznetzov's variant with eight more bytes a record header. */
const pcapVariants: ReadonlyMap<number, PcapVariant> = new Map([
  [0xa1b2c3d4, { littleEndian: false, nanoseconds: false, recordHeaderBytes: 16 }],
  [0xd4c3b2a1, { littleEndian: true, nanoseconds: false, recordHeaderBytes: 16 }],
  [0xa1b23c4d, { littleEndian: false, nanoseconds: true, recordHeaderBytes: 16 }],
  [0x4d3cb2a1, { littleEndian: true, nanoseconds: true, recordHeaderBytes: 16 }],
  [0xa1b2cd34, { littleEndian: false, nanoseconds: false, recordHeaderBytes: 24 }],
  [0x34cdb2a1, { littleEndian: true, nanoseconds: false, recordHeaderBytes: 24 }],
])

/** What a step returns where it is not the number of bytes it used. */
const NEED_MORE = 0
const FAULT = -1

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

const noBytes: Uint8Array = new Uint8Array(0)
const noView: DataView = new DataView(noBytes.buffer)

export class PcapReader {
  readonly #onFrame: (frame: FrameView) => void
  readonly #onTlsSecrets: PcapReaderOptions['onTlsSecrets']
  readonly #frameMaxBytes: number
  readonly #frame: Mutable<FrameView> = {
    buffer: noBytes,
    view: noView,
    offset: 0,
    end: 0,
    capturedBytes: 0,
    originalBytes: 0,
    timestampUs: 0,
    linkType: 0,
    interfaceIndex: 0,
  }
  #format: 'unknown' | 'pcap' | 'pcapng' = 'unknown'
  #littleEndian = true
  #fault: PcapFault | undefined
  #linkType = 0
  #recordHeaderBytes = 16
  #nanoseconds = false
  #interfaces: CaptureInterface[] = []

  #carry = noBytes
  #carryView = noView
  #carryBytes = 0
  /** Size of the carried unit as far as it is known: always more than `#carryBytes`. */
  #neededBytes = 0
  #skipBytes = 0
  #view = noView

  /** Bytes of whole units read so far. */
  consumedBytes = 0
  frameCount = 0
  /** pcapng blocks that carry no frame and describe no interface. */
  skippedBlockCount = 0
  /** Frames left out because they name an interface that their section did not describe. */
  unknownInterfaceCount = 0

  constructor(options: PcapReaderOptions) {
    this.#onFrame = options.onFrame
    this.#onTlsSecrets = options.onTlsSecrets
    this.#frameMaxBytes = options.frameMaxBytes ?? frameDefaultMaxBytes
    assert(this.#frameMaxBytes > 0 && this.#frameMaxBytes <= skippedBlockMaxBytes, 'a frame limit is 1 byte to 16 MiB')
  }

  get fault(): PcapFault | undefined {
    return this.#fault
  }

  /** Reads `bytes[from, to)`, borrowed until the call returns. Returns the fault that ended the capture, once there is one. */
  push(bytes: Uint8Array, from = 0, to = bytes.length): PcapFault | undefined {
    let at = from
    while (this.#fault === undefined && at < to) {
      if (this.#skipBytes > 0) {
        const skipped = Math.min(this.#skipBytes, to - at)
        this.#skipBytes -= skipped
        this.consumedBytes += skipped
        at += skipped
      } else if (this.#carryBytes > 0) {
        at = this.#topUp(bytes, at, to)
      } else {
        at = this.#readInPlace(bytes, at, to)
      }
    }
    return this.#fault
  }

  /** No more bytes come. A capture that stops inside a unit is `truncated`; one without any byte is `empty`. */
  end(): PcapFault | undefined {
    if (this.#fault !== undefined) return this.#fault
    if (this.consumedBytes + this.#carryBytes === 0) this.#fail('empty', 'no bytes at all')
    else if (this.consumedBytes === 0) this.#fail('not-a-capture', 'shorter than a capture file header')
    else if (this.#carryBytes > 0 || this.#skipBytes > 0) this.#fail('truncated', 'ends inside a record')
    return this.#fault
  }

  #readInPlace(bytes: Uint8Array, from: number, to: number): number {
    const view = this.#viewOf(bytes)
    let at = from
    while (at < to && this.#skipBytes === 0) {
      const used = this.#step(bytes, view, at, to)
      if (used === FAULT) return to
      if (used === NEED_MORE) {
        this.#appendToCarry(bytes, at, to)
        return to
      }
      this.consumedBytes += used
      at += used
    }
    return at
  }

  /** Brings the carried unit nearer to its size, and reads it once it is whole. */
  #topUp(bytes: Uint8Array, from: number, to: number): number {
    const until = from + Math.min(this.#neededBytes - this.#carryBytes, to - from)
    this.#appendToCarry(bytes, from, until)
    if (this.#carryBytes < this.#neededBytes) return until
    const used = this.#step(this.#carry, this.#carryView, 0, this.#carryBytes)
    if (used > 0) {
      assert(used === this.#carryBytes, 'the carry buffer holds one unit')
      this.consumedBytes += used
      this.#carryBytes = 0
    }
    return until
  }

  #appendToCarry(bytes: Uint8Array, from: number, to: number): void {
    const bytesAfter = this.#carryBytes + to - from
    if (this.#carry.length < bytesAfter) {
      const grown = new Uint8Array(Math.max(bytesAfter, this.#carry.length * 2, 4_096))
      grown.set(this.#carry.subarray(0, this.#carryBytes))
      this.#carry = grown
      this.#carryView = new DataView(grown.buffer)
    }
    this.#carry.set(bytes.subarray(from, to), this.#carryBytes)
    this.#carryBytes = bytesAfter
  }

  /** One DataView a block: sources that refill one block get the same one again. */
  #viewOf(bytes: Uint8Array): DataView {
    const known = this.#view
    const { buffer, byteOffset, byteLength } = bytes
    if (known.buffer !== buffer || known.byteOffset !== byteOffset || known.byteLength !== byteLength) {
      this.#view = new DataView(buffer, byteOffset, byteLength)
    }
    return this.#view
  }

  /** Reads one unit at `at`: returns its size, NEED_MORE with `#neededBytes` set, or FAULT. */
  #step(bytes: Uint8Array, view: DataView, at: number, to: number): number {
    if (this.#format === 'pcap') return this.#pcapRecord(bytes, view, at, to)
    if (this.#format === 'pcapng') return this.#block(bytes, view, at, to)
    return this.#fileStart(bytes, view, at, to)
  }

  #need(bytes: number): number {
    this.#neededBytes = bytes
    return NEED_MORE
  }

  #fail(code: PcapFaultCode, detail: string): number {
    this.#fault = { code, detail, atBytes: this.consumedBytes }
    this.#carry = noBytes
    this.#carryView = noView
    this.#carryBytes = 0
    return FAULT
  }

  #tooLarge(bytes: number, maxBytes: number): number {
    return this.#fail('record-too-large', `a record says it is ${bytes} bytes long; the limit is ${maxBytes}`)
  }

  #fileStart(bytes: Uint8Array, view: DataView, at: number, to: number): number {
    if (to - at < 4) return this.#need(4)
    const magic = view.getUint32(at)
    if (magic === sectionHeader) {
      this.#format = 'pcapng'
      return this.#block(bytes, view, at, to)
    }
    const variant = pcapVariants.get(magic)
    if (variant === undefined) {
      return this.#fail('not-a-capture', compressionHint(bytes, at) ?? `unknown magic number ${hex32(magic)}`)
    }
    if (to - at < fileHeaderBytes) return this.#need(fileHeaderBytes)
    const version = view.getUint16(at + 4, variant.littleEndian)
    if (version !== 2) return this.#fail('not-a-capture', `pcap version ${version} instead of 2`)
    this.#littleEndian = variant.littleEndian
    this.#nanoseconds = variant.nanoseconds
    this.#recordHeaderBytes = variant.recordHeaderBytes
    this.#linkType = view.getUint32(at + 20, variant.littleEndian) & 0xffff // The high half tells about an FCS.
    this.#format = 'pcap'
    return fileHeaderBytes
  }

  #pcapRecord(bytes: Uint8Array, view: DataView, at: number, to: number): number {
    const headerBytes = this.#recordHeaderBytes
    if (to - at < headerBytes) return this.#need(headerBytes)
    const littleEndian = this.#littleEndian
    const capturedBytes = view.getUint32(at + 8, littleEndian)
    if (capturedBytes > this.#frameMaxBytes) return this.#tooLarge(capturedBytes, this.#frameMaxBytes)
    const recordBytes = headerBytes + capturedBytes
    if (to - at < recordBytes) return this.#need(recordBytes)
    const fraction = view.getUint32(at + 4, littleEndian)
    const frame = this.#frame
    frame.timestampUs =
      view.getUint32(at, littleEndian) * 1_000_000 + (this.#nanoseconds ? Math.floor(fraction / 1_000) : fraction)
    frame.linkType = this.#linkType
    this.#emit(bytes, view, at + headerBytes, capturedBytes, view.getUint32(at + 12, littleEndian))
    return recordBytes
  }

  #emit(bytes: Uint8Array, view: DataView, offset: number, capturedBytes: number, originalBytes: number): void {
    const frame = this.#frame
    frame.buffer = bytes
    frame.view = view
    frame.offset = offset
    frame.end = offset + capturedBytes
    frame.capturedBytes = capturedBytes
    frame.originalBytes = originalBytes
    this.frameCount++
    this.#onFrame(frame)
  }

  #block(bytes: Uint8Array, view: DataView, at: number, to: number): number {
    if (to - at < blockMinBytes) return this.#need(blockMinBytes)
    const isSection = view.getUint32(at) === sectionHeader
    if (isSection && !this.#readByteOrder(view, at + blockHeaderBytes)) return FAULT
    const type = isSection ? sectionHeader : view.getUint32(at, this.#littleEndian)
    const blockBytes = view.getUint32(at + 4, this.#littleEndian)
    if (blockBytes < (isSection ? sectionMinBytes : blockMinBytes) || (blockBytes & 3) !== 0) {
      return this.#fail('malformed-record', `a block says it is ${blockBytes} bytes long`)
    }
    const areSecrets = type === decryptionSecrets && this.#onTlsSecrets !== undefined
    if (!isSection && !isInterpreted(type) && !(areSecrets && blockBytes <= blockOverheadMaxBytes)) {
      if (blockBytes > skippedBlockMaxBytes) return this.#tooLarge(blockBytes, skippedBlockMaxBytes)
      this.skippedBlockCount++
      this.#skipBytes = blockBytes - blockMinBytes
      return blockMinBytes
    }
    const maxBytes = this.#frameMaxBytes + blockOverheadMaxBytes
    if (blockBytes > maxBytes) return this.#tooLarge(blockBytes, maxBytes)
    if (to - at < blockBytes) return this.#need(blockBytes)
    if (view.getUint32(at + blockBytes - 4, this.#littleEndian) !== blockBytes) {
      return this.#fail('malformed-record', 'a block says two different lengths')
    }
    const body = at + blockHeaderBytes
    const bodyEnd = at + blockBytes - 4
    if (isSection) this.#interfaces = []
    else if (areSecrets) this.#secrets(bytes, view, body, bodyEnd)
    else if (type === interfaceDescription) {
      if (!this.#describeInterface(view, body, bodyEnd)) return FAULT
    } else if (!this.#packetBlock(type, bytes, view, body, bodyEnd)) return FAULT
    return blockBytes
  }

  #secrets(bytes: Uint8Array, view: DataView, body: number, bodyEnd: number): void {
    const from = body + secretsHeaderBytes
    if (from > bodyEnd || view.getUint32(body, this.#littleEndian) !== tlsKeyLog) return
    const to = from + view.getUint32(body + 4, this.#littleEndian)
    if (to <= bodyEnd) this.#onTlsSecrets?.(bytes, from, to)
  }

  /** The byte order of a section is told by its header, whose length can be read only then. */
  #readByteOrder(view: DataView, at: number): boolean {
    const magic = view.getUint32(at)
    if (magic !== 0x1a2b3c4d && magic !== 0x4d3c2b1a) {
      this.#fail(this.consumedBytes === 0 ? 'not-a-capture' : 'malformed-record', 'a section without a byte order')
      return false
    }
    this.#littleEndian = magic === 0x4d3c2b1a
    return true
  }

  #describeInterface(view: DataView, body: number, bodyEnd: number): boolean {
    const described = parseInterface(view, body, bodyEnd, this.#littleEndian)
    if (described === undefined || this.#interfaces.length >= interfaceMaxCount) {
      this.#fail('malformed-record', described === undefined ? 'a short interface description' : 'too many interfaces')
      return false
    }
    this.#interfaces.push(described)
    return true
  }

  #packetBlock(type: number, bytes: Uint8Array, view: DataView, body: number, bodyEnd: number): boolean {
    const littleEndian = this.#littleEndian
    const isSimple = type === simplePacket
    const data = body + (isSimple ? 4 : 20)
    if (data > bodyEnd) {
      this.#fail('malformed-record', 'a packet block without room for its header')
      return false
    }
    const index = isSimple
      ? 0
      : type === enhancedPacket
        ? view.getUint32(body, littleEndian)
        : view.getUint16(body, littleEndian)
    const source = this.#interfaces[index]
    const originalBytes = view.getUint32(isSimple ? body : body + 16, littleEndian)
    let capturedBytes = isSimple ? Math.min(originalBytes, bodyEnd - data) : view.getUint32(body + 12, littleEndian)
    if (isSimple && source !== undefined && source.snapBytes > 0) {
      capturedBytes = Math.min(capturedBytes, source.snapBytes)
    }
    if (capturedBytes > this.#frameMaxBytes) {
      this.#tooLarge(capturedBytes, this.#frameMaxBytes)
      return false
    }
    if (capturedBytes > bodyEnd - data) {
      this.#fail('malformed-record', 'a packet longer than its block')
      return false
    }
    if (source === undefined) {
      this.unknownInterfaceCount++
      return true
    }
    const frame = this.#frame
    if (!isSimple) {
      frame.timestampUs = source.toUs(view.getUint32(body + 4, littleEndian), view.getUint32(body + 8, littleEndian))
    }
    frame.linkType = source.linkType
    frame.interfaceIndex = index
    this.#emit(bytes, view, data, capturedBytes, originalBytes)
    return true
  }
}

function isInterpreted(type: number): boolean {
  return type === interfaceDescription || type === obsoletePacket || type === simplePacket || type === enhancedPacket
}

function hex32(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`
}
