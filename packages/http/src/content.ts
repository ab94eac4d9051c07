/**
 * Content codings undone: gzip, deflate (zlib and raw), br, layered, mislabelled, cut short or damaged, within limits on size,
 * ratio and layers. RFC 9110 §8.4. A damaged stream still gives the bytes before the damage, its size stays unknown.
 */

import zlib from 'node:zlib'
import type { AnomalyName, HttpLimits } from './http-limits.js'
import { openInflateHandle } from './inflate-handle.js'
import { tokensOf } from './octets.js'

export interface DecodedContent {
  bytes: Uint8Array
  /** Whole decoded size, undefined when it cannot be known. */
  totalBytes: number | undefined
  /** `bytes` is less than the content. */
  isTruncated: boolean
}

/** Whole gzip streams, nearly all that is compressed, the short way; undefined where this Node does not have it. */
const inflateHandle = openInflateHandle()

/** What was decoded so far is read no more: its memory is used again. */
export function forgetDecoded(): void {
  inflateHandle?.rewind()
}

type Undo = (bytes: Uint8Array, options: zlib.ZlibOptions) => Buffer

const undoBrotli: Undo = (bytes, { maxOutputLength, finishFlush }) =>
  zlib.brotliDecompressSync(bytes, {
    ...(maxOutputLength === undefined ? {} : { maxOutputLength }),
    finishFlush:
      finishFlush === undefined ? zlib.constants.BROTLI_OPERATION_FINISH : zlib.constants.BROTLI_OPERATION_FLUSH,
  })

/** RFC 8878. Node has it from 22.15 on, its types here may not. */
interface ZstdCalls {
  readonly zstdDecompressSync?: (bytes: Uint8Array, options: zlib.ZlibOptions) => Buffer
}
const { zstdDecompressSync } = zlib as ZstdCalls

const undoZstd: Undo = (bytes, { maxOutputLength, finishFlush }) =>
  zstdDecompressSync!(bytes, {
    ...(maxOutputLength === undefined ? {} : { maxOutputLength }),
    // ZSTD_e_continue: what there is, if the end is missing.
    ...(finishFlush === undefined ? {} : { finishFlush: 0 }),
  })

/** `gzip, deflate` → its codings in the order they were applied, lower case, without parameters and `identity`. */
export function codingsOf(fieldValues: string): string[] {
  return tokensOf(fieldValues).filter((coding) => coding !== 'identity')
}

/**
 * Undoes `codings` of `encoded`, the last one first. `isWhole`: nothing of the encoded content is missing. The result is lent until
 * `forgetDecoded`. Never throws.
 */
export function decodeContent(
  encoded: Uint8Array,
  codings: readonly string[],
  isWhole: boolean,
  limits: HttpLimits,
  report: (name: AnomalyName) => void,
): DecodedContent {
  const out: DecodedContent = {
    bytes: encoded,
    totalBytes: isWhole ? encoded.length : undefined,
    isTruncated: !isWhole,
  }
  if (encoded.length === 0) return out
  const outputMax = Math.min(limits.decodedMaxBytes, encoded.length * limits.decodedMaxRatio)
  for (let layer = codings.length - 1, undone = 0; layer >= 0; layer--, undone++) {
    if (undone === limits.codingLayersMax) {
      report('http.content-coding-limit')
      return notDecoded(out)
    }
    undoLayer(codings[layer]!, out, outputMax, report)
  }
  if (out.bytes.length > limits.contentMaxBytes) {
    out.bytes = out.bytes.subarray(0, limits.contentMaxBytes)
    out.isTruncated = true
  }
  return out
}

/** A coding that is unknown, or not what the bytes are, leaves them as they are. */
function undoLayer(coding: string, out: DecodedContent, outputMax: number, report: (name: AnomalyName) => void): void {
  const undos = undosFor(coding, out.bytes)
  if (undos === 'unsupported') {
    report('http.content-coding-unsupported')
    notDecoded(out)
    return
  }
  if (undos === undefined) {
    report('http.content-coding-unknown')
    return
  }
  let best: Buffer | undefined
  for (const [position, undo] of undos.entries()) {
    const result = attempt(undo, out.bytes, outputMax)
    if (result === 'too-large') {
      report('http.content-coding-limit')
      notDecoded(out)
      return
    }
    if (result !== undefined) {
      // Not the first way: header or checksum are wrong, the stream itself is whole.
      if (position > 0) report('http.content-coding-damaged')
      out.bytes = result
      if (out.totalBytes !== undefined) out.totalBytes = result.length
      return
    }
    // Raw DEFLATE has no header to know it by: unless its end alone is missing, the bytes are something else.
    const isSure = undo !== zlib.inflateRawSync
    const prefix = isSure ? longestPrefix(undo, out.bytes, outputMax) : lenient(undo, out.bytes, outputMax)
    if (prefix === undefined) continue
    // Nothing at all comes out of a stream that was cut before its first block: still a stream, not something else.
    const isBeginning = prefix.length === 0 && best === undefined && lenient(undo, out.bytes, outputMax) !== undefined
    if (isBeginning || prefix.length > (best?.length ?? 0)) best = prefix
  }
  if (best === undefined) {
    report('http.content-coding-wrong')
    return
  }
  // Cut short on the wire explains the damage; otherwise the sender did it.
  if (out.totalBytes !== undefined) report('http.content-coding-damaged')
  out.bytes = best
  out.totalBytes = undefined
  out.isTruncated = true
}

function attempt(undo: Undo, bytes: Uint8Array, outputMax: number): Uint8Array | 'too-large' | undefined {
  if (undo === zlib.gunzipSync) {
    const output = inflateHandle?.gunzip(bytes, outputMax)
    if (output !== undefined) return output
  }
  try {
    return undo(bytes, { maxOutputLength: outputMax })
  } catch (error) {
    return codeOf(error) === 'ERR_BUFFER_TOO_LARGE' ? 'too-large' : undefined
  }
}

function notDecoded(out: DecodedContent): DecodedContent {
  out.bytes = out.bytes.subarray(0, 0)
  out.totalBytes = undefined
  out.isTruncated = true
  return out
}

/**
 * What to try, likeliest first, judged by the first bytes rather than the label: senders confuse gzip, zlib and raw DEFLATE, and
 * label as `br` or `zstd` what is gzip. Brotli alone has no mark to know it by.
 */
function undosFor(coding: string, bytes: Uint8Array): readonly Undo[] | 'unsupported' | undefined {
  if (!knownCodings.has(coding)) return undefined
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return coding === 'br' ? gzipOrBrotliWays : gzipWays
  if (isZstd(bytes) || coding === 'zstd') return zstdDecompressSync === undefined ? 'unsupported' : zstdWays
  if (coding === 'br') return brotliWays
  const first = bytes[0] ?? 0
  const isZlib = (first & 0x0f) === 8 && (first * 256 + (bytes[1] ?? 0)) % 31 === 0
  return isZlib ? zlibWays : rawWays
}

const knownCodings = new Set(['gzip', 'x-gzip', 'deflate', 'x-deflate', 'br', 'zstd'])

/** A frame's magic number. RFC 8878 §3.1.1. */
function isZstd(bytes: Uint8Array): boolean {
  return bytes[0] === 0x28 && bytes[1] === 0xb5 && bytes[2] === 0x2f && bytes[3] === 0xfd
}

/** Content that is gzip though no field says so. RFC 1952 §2.3.1: magic, DEFLATE, no reserved flag. */
export function looksLikeGzip(bytes: Uint8Array): boolean {
  return bytes.length >= 18 && bytes[0] === 0x1f && bytes[1] === 0x8b && bytes[2] === 8 && (bytes[3]! & 0xe0) === 0
}

/** The DEFLATE stream inside gzip, whatever header flags and checksum say. RFC 1952 §2.3. */
const undoInsideGzip: Undo = (bytes, options) => zlib.inflateRawSync(bytes.subarray(gzipHeaderBytes(bytes)), options)
const undoInsideZlib: Undo = (bytes, options) => zlib.inflateRawSync(bytes.subarray(2), options)

const brotliWays = [undoBrotli]
const gzipOrBrotliWays: readonly Undo[] = [zlib.gunzipSync, undoBrotli]
const zstdWays = [undoZstd]
const gzipWays: readonly Undo[] = [zlib.gunzipSync, undoInsideGzip]
const zlibWays: readonly Undo[] = [zlib.inflateSync, undoInsideZlib, zlib.inflateRawSync]
const rawWays: readonly Undo[] = [zlib.inflateRawSync]

function gzipHeaderBytes(bytes: Uint8Array): number {
  const flags = bytes[3] ?? 0
  let at = 10
  if ((flags & 4) !== 0) at += 2 + (bytes[at] ?? 0) + (bytes[at + 1] ?? 0) * 256
  if ((flags & 8) !== 0) at = bytes.indexOf(0, at) + 1 || bytes.length
  if ((flags & 16) !== 0) at = bytes.indexOf(0, at) + 1 || bytes.length
  return (flags & 2) !== 0 ? at + 2 : at
}

/**
 * The output of the longest prefix of `bytes` that decodes: all of it when the stream is merely cut short, else found by
 * bisection, which costs about twenty decodings and only for damaged streams.
 */
function longestPrefix(undo: Undo, bytes: Uint8Array, outputMax: number): Buffer | undefined {
  let good: Buffer | undefined
  let low = 0
  let high = bytes.length
  let length = high
  while (low < high) {
    const output = lenient(undo, bytes.subarray(0, length), outputMax)
    if (output === undefined) high = length - 1
    else {
      good = output
      low = length
    }
    length = (low + high + 1) >> 1
  }
  return good
}

function lenient(undo: Undo, bytes: Uint8Array, outputMax: number): Buffer | undefined {
  try {
    return undo(bytes, { maxOutputLength: outputMax, finishFlush: zlib.constants.Z_SYNC_FLUSH })
  } catch {
    return undefined
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}
