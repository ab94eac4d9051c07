/** Frames → pcap or minimal pcapng bytes, for tests, fixtures and tees. Pure; one call a header, one a frame. */

export interface WrittenFrame {
  readonly timestampUs: number
  readonly bytes: Uint8Array
  /** On the wire, where a snap length cut the frame. Default: `bytes.length`. */
  readonly originalBytes?: number
  /** Position in `PcapngOptions.interfaces`; pcap knows no interfaces. */
  readonly interfaceIndex?: number
}

export interface PcapOptions {
  /** LINKTYPE_ number; 1 = Ethernet. */
  readonly linkType: number
  /** Default true. */
  readonly littleEndian?: boolean
  /** Nanosecond timestamps. Default false. */
  readonly nanoseconds?: boolean
  readonly snapBytes?: number
}

export interface PcapngInterface {
  readonly linkType: number
  /** if_tsresol byte: 6 = µs (default), 9 = ns. Others are for tests of the reader. */
  readonly resolution?: 6 | 9
  /** if_tsoffset: taken off each time that is written. */
  readonly offsetSeconds?: number
}

export interface PcapngOptions {
  readonly interfaces: readonly PcapngInterface[]
  /** Default true. */
  readonly littleEndian?: boolean
}

export const linkTypeEthernet = 1
const snapDefaultBytes = 262_144

/** The 24 bytes that open a pcap file. */
export function pcapHeader(options: PcapOptions): Uint8Array {
  const view = new DataView(new ArrayBuffer(24))
  const littleEndian = options.littleEndian ?? true
  view.setUint32(0, options.nanoseconds === true ? 0xa1b23c4d : 0xa1b2c3d4, littleEndian)
  view.setUint16(4, 2, littleEndian)
  view.setUint16(6, 4, littleEndian)
  view.setUint32(16, options.snapBytes ?? snapDefaultBytes, littleEndian)
  view.setUint32(20, options.linkType, littleEndian)
  return new Uint8Array(view.buffer)
}

/** One pcap record: header and frame. */
export function pcapRecord(frame: WrittenFrame, options: PcapOptions): Uint8Array {
  const record = new Uint8Array(16 + frame.bytes.length)
  const view = new DataView(record.buffer)
  const littleEndian = options.littleEndian ?? true
  const fractionUs = frame.timestampUs % 1_000_000
  view.setUint32(0, Math.floor(frame.timestampUs / 1_000_000), littleEndian)
  view.setUint32(4, options.nanoseconds === true ? fractionUs * 1_000 : fractionUs, littleEndian)
  view.setUint32(8, frame.bytes.length, littleEndian)
  view.setUint32(12, frame.originalBytes ?? frame.bytes.length, littleEndian)
  record.set(frame.bytes, 16)
  return record
}

export function writePcap(frames: readonly WrittenFrame[], options: PcapOptions): Uint8Array {
  return concatBytes([pcapHeader(options), ...frames.map((frame) => pcapRecord(frame, options))])
}

/** A section header and its interface descriptions. */
export function pcapngSection(options: PcapngOptions): Uint8Array {
  const littleEndian = options.littleEndian ?? true
  const section = new DataView(new ArrayBuffer(16))
  section.setUint32(0, 0x1a2b3c4d, littleEndian)
  section.setUint16(4, 1, littleEndian)
  section.setBigInt64(8, -1n, littleEndian) // Length not given.
  const interfaces = options.interfaces.map((described) => {
    const body = new DataView(new ArrayBuffer(32))
    body.setUint16(0, described.linkType, littleEndian)
    body.setUint32(4, snapDefaultBytes, littleEndian)
    body.setUint16(8, 9, littleEndian)
    body.setUint16(10, 1, littleEndian)
    body.setUint8(12, described.resolution ?? 6)
    body.setUint16(16, 14, littleEndian)
    body.setUint16(18, 8, littleEndian)
    body.setBigInt64(20, BigInt(described.offsetSeconds ?? 0), littleEndian)
    return pcapngBlock(1, new Uint8Array(body.buffer), littleEndian) // Four zero bytes end the options.
  })
  return concatBytes([pcapngBlock(0x0a0d0d0a, new Uint8Array(section.buffer), littleEndian), ...interfaces])
}

/** One Enhanced Packet Block. `interfaceIndex` must be described in `options`. */
export function pcapngPacket(frame: WrittenFrame, options: PcapngOptions): Uint8Array {
  const littleEndian = options.littleEndian ?? true
  const index = frame.interfaceIndex ?? 0
  const described = options.interfaces[index]
  const sinceOffsetUs = BigInt(frame.timestampUs) - BigInt(described?.offsetSeconds ?? 0) * 1_000_000n
  const ticks = described?.resolution === 9 ? sinceOffsetUs * 1_000n : sinceOffsetUs
  const body = new Uint8Array(20 + frame.bytes.length)
  const view = new DataView(body.buffer)
  view.setUint32(0, index, littleEndian)
  view.setUint32(4, Number(BigInt.asUintN(64, ticks) >> 32n), littleEndian)
  view.setUint32(8, Number(ticks & 0xffff_ffffn), littleEndian)
  view.setUint32(12, frame.bytes.length, littleEndian)
  view.setUint32(16, frame.originalBytes ?? frame.bytes.length, littleEndian)
  body.set(frame.bytes, 20)
  return pcapngBlock(6, body, littleEndian)
}

export function writePcapng(frames: readonly WrittenFrame[], options: PcapngOptions): Uint8Array {
  return concatBytes([pcapngSection(options), ...frames.map((frame) => pcapngPacket(frame, options))])
}

/** Any pcapng block: `body` is padded to four bytes and framed by type and lengths. */
export function pcapngBlock(type: number, body: Uint8Array, littleEndian = true): Uint8Array {
  const blockBytes = 12 + ((body.length + 3) & ~3)
  const block = new Uint8Array(blockBytes)
  const view = new DataView(block.buffer)
  view.setUint32(0, type, littleEndian)
  view.setUint32(4, blockBytes, littleEndian)
  block.set(body, 8)
  view.setUint32(blockBytes - 4, blockBytes, littleEndian)
  return block
}

export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}
