/**
 * The ways to undo a content coding: whose stream it may be, and how each is undone within a bound. Senders confuse gzip, zlib and raw
 * DEFLATE, and label as `br` or `zstd` what is gzip, or as any of them what is plain, so first bytes count for more than labels.
 */

import { isUtf8 } from 'node:buffer'
import zlib from 'node:zlib'
import { type InflatedPart, type InflateHandle, openInflateHandle, type StreamFormat } from './inflate-handle.js'

type Undo = (bytes: Uint8Array, options: zlib.ZlibOptions) => Buffer

export interface Way {
  readonly format: StreamFormat | 'zstd'
  /** Where the stream begins, header apart. */
  readonly from: (bytes: Uint8Array) => number
  /** What does not end as it should is still taken for this. Raw DEFLATE and Brotli have nothing to know them by. */
  readonly isSure: boolean
  /** More octets behind its end than this: the stream came out of something else by chance. */
  readonly unreadMaxBytes: number
}

/** A checksum and a size, which some leave behind when they take the header off. */
const checksumMaxBytes = 8
const atStart = () => 0
const gzip: Way = { format: 'gzip', from: atStart, isSure: true, unreadMaxBytes: Infinity }
/** The DEFLATE stream inside gzip, whatever header flags and checksum say. RFC 1952 §2.3. */
const insideGzip: Way = { format: 'raw', from: gzipHeaderBytes, isSure: true, unreadMaxBytes: Infinity }
const inZlib: Way = { format: 'zlib', from: atStart, isSure: true, unreadMaxBytes: Infinity }
const insideZlib: Way = { format: 'raw', from: () => 2, isSure: true, unreadMaxBytes: Infinity }
const raw: Way = { format: 'raw', from: atStart, isSure: false, unreadMaxBytes: checksumMaxBytes }
const brotli: Way = { format: 'br', from: atStart, isSure: false, unreadMaxBytes: checksumMaxBytes }
const zstd: Way = { format: 'zstd', from: atStart, isSure: true, unreadMaxBytes: Infinity }

const gzipWays = [gzip, insideGzip]
const gzipOrBrotliWays = [gzip, brotli]
const zlibWays = [inZlib, insideZlib, raw]
const rawWays = [raw]
const brotliWays = [brotli]
const zstdWays = [zstd]
const noWays: readonly Way[] = []

export const knownCodings: ReadonlySet<string> = new Set(['gzip', 'x-gzip', 'deflate', 'x-deflate', 'br', 'zstd'])

/** What to try for one of `knownCodings`, likeliest first; none for plain text. Brotli alone has no mark to know it by. */
export function waysFor(coding: string, bytes: Uint8Array): readonly Way[] | 'unsupported' {
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return coding === 'br' ? gzipOrBrotliWays : gzipWays
  if (isZstd(bytes) || (coding === 'zstd' && !looksLikeText(bytes))) {
    return zstdDecompressSync === undefined ? 'unsupported' : zstdWays
  }
  if (looksLikeText(bytes) && !(coding === 'br' && isEmptyBrotli(bytes))) return noWays
  if (coding === 'br') return brotliWays
  const first = bytes[0] ?? 0
  const isZlib = (first & 0x0f) === 8 && (first * 256 + (bytes[1] ?? 0)) % 31 === 0
  return isZlib ? zlibWays : rawWays
}

/** A frame's magic number. RFC 8878 §3.1.1. */
function isZstd(bytes: Uint8Array): boolean {
  return bytes[0] === 0x28 && bytes[1] === 0xb5 && bytes[2] === 0x2f && bytes[3] === 0xfd
}

/** A window size from 18 to 24 bits, an empty last block: one digit or `;`, `=`, `?`. RFC 7932 §9.1, §9.2. */
function isEmptyBrotli(bytes: Uint8Array): boolean {
  const octet = bytes[0] ?? 0
  return bytes.length === 1 && octet >= 0x33 && octet <= 0x3f && (octet & 1) === 1
}

/** Content that is gzip though no field says so. RFC 1952 §2.3.1: magic, DEFLATE, no reserved flag. */
export function looksLikeGzip(bytes: Uint8Array): boolean {
  return bytes.length >= 18 && bytes[0] === 0x1f && bytes[1] === 0x8b && bytes[2] === 8 && (bytes[3]! & 0xe0) === 0
}

/** Enough that no compressed stream passes for text. */
const textSampleBytes = 256

/** UTF-8 without controls but tabs and line ends: what is compressed has other octets soon, and DEFLATE ends with one below 2. */
export function looksLikeText(bytes: Uint8Array): boolean {
  let end = Math.min(bytes.length, textSampleBytes)
  for (let i = 0; i < end; i++) {
    const octet = bytes[i]!
    if ((octet < 0x20 && (octet < 9 || octet === 11 || octet > 13)) || octet === 0x7f) return false
  }
  // The sample, or the content, may end within a character.
  for (let back = 0; back < 3 && end > 0 && bytes[end - 1]! >= 0x80; back++) {
    if (isUtf8(bytes.subarray(0, end))) return true
    end--
  }
  return isUtf8(bytes.subarray(0, end))
}

function gzipHeaderBytes(bytes: Uint8Array): number {
  const flags = bytes[3] ?? 0
  let at = 10
  if ((flags & 4) !== 0) at += 2 + (bytes[at] ?? 0) + (bytes[at + 1] ?? 0) * 256
  if ((flags & 8) !== 0) at = bytes.indexOf(0, at) + 1 || bytes.length
  if ((flags & 16) !== 0) at = bytes.indexOf(0, at) + 1 || bytes.length
  return (flags & 2) !== 0 ? at + 2 : at
}

/** RFC 8878. Node has it from 22.15 on, its types here may not. */
interface ZstdCalls {
  readonly zstdDecompressSync?: (bytes: Uint8Array, options: zlib.ZlibOptions) => Buffer
}
const { zstdDecompressSync } = zlib as ZstdCalls

const { constants } = zlib
/** Node's public call for each format, and the operation that does not mind a missing end. */
const publicCalls: Readonly<Record<Way['format'], { readonly undo: Undo; readonly proceed: number }>> = {
  gzip: { undo: zlib.gunzipSync, proceed: constants.Z_SYNC_FLUSH },
  zlib: { undo: zlib.inflateSync, proceed: constants.Z_SYNC_FLUSH },
  raw: { undo: zlib.inflateRawSync, proceed: constants.Z_SYNC_FLUSH },
  br: { undo: zlib.brotliDecompressSync, proceed: constants.BROTLI_OPERATION_FLUSH },
  // ZSTD_e_continue.
  zstd: { undo: (bytes, options) => zstdDecompressSync!(bytes, options), proceed: 0 },
}

/** The private handles, opened when first needed; undefined where this Node does not have them. */
const handles = new Map<StreamFormat, InflateHandle | undefined>()

export function handleOf(format: StreamFormat): InflateHandle | undefined {
  if (!handles.has(format)) handles.set(format, openInflateHandle(format))
  return handles.get(format)
}

/** What comes out of `bytes` this way, within `outputMaxBytes`, at the work of twice that. */
export function undoPart(way: Way, bytes: Uint8Array, outputMaxBytes: number): InflatedPart {
  const stream = bytes.subarray(way.from(bytes))
  const handle = way.format === 'zstd' ? undefined : handleOf(way.format)
  return handle?.inflatePart(stream, outputMaxBytes) ?? undoPartPublicly(way.format, stream, outputMaxBytes)
}

/** More tries than a bisection over the longest content needs. */
const triesMaxCount = 24
const noBytes = new Uint8Array(0)

/**
 * The same by public calls, which give nothing when they fail: the longest prefix that does not is found by bisection, as long as little
 * comes out of it. What failed counts as all that might have come out.
 */
export function undoPartPublicly(format: Way['format'], bytes: Uint8Array, outputMaxBytes: number): InflatedPart {
  const { undo, proceed } = publicCalls[format]
  try {
    const output = undo(bytes, { maxOutputLength: outputMaxBytes })
    return { output, end: 'whole', unreadBytes: 0, workBytes: output.length }
  } catch (error) {
    if (codeOf(error) === 'ERR_BUFFER_TOO_LARGE') {
      return { output: noBytes, end: 'too-large', unreadBytes: 0, workBytes: outputMaxBytes }
    }
  }
  const options = { maxOutputLength: Math.max(1, Math.floor(outputMaxBytes / triesMaxCount)), finishFlush: proceed }
  let workBytes = outputMaxBytes
  let output: Uint8Array = noBytes
  let low = 0
  let high = bytes.length
  for (let length = high, tries = 0; low < high && tries < triesMaxCount; tries++) {
    workBytes += options.maxOutputLength
    try {
      output = undo(bytes.subarray(0, length), options)
      low = length
    } catch {
      high = length - 1
    }
    length = (low + high + 1) >> 1
  }
  return { output, end: low === bytes.length ? 'cut' : 'damaged', unreadBytes: 0, workBytes }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}
