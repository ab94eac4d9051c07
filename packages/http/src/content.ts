/**
 * Content codings undone: gzip, deflate (zlib and raw), br, layered, mislabelled, cut short or damaged, within limits on size,
 * ratio and layers. RFC 9110 §8.4. A damaged stream still gives the bytes before the damage, its size stays unknown.
 */

import zlib from 'node:zlib'
import type { AnomalyName, HttpLimits } from './http-limits.js'

export interface DecodedContent {
  bytes: Uint8Array
  /** Whole decoded size, undefined when it cannot be known. */
  totalBytes: number | undefined
  /** `bytes` is less than the content. */
  isTruncated: boolean
}

type Undo = (bytes: Uint8Array, options: zlib.ZlibOptions) => Buffer

const undoBrotli: Undo = (bytes, { maxOutputLength, finishFlush }) =>
  zlib.brotliDecompressSync(bytes, {
    ...(maxOutputLength === undefined ? {} : { maxOutputLength }),
    finishFlush:
      finishFlush === undefined ? zlib.constants.BROTLI_OPERATION_FINISH : zlib.constants.BROTLI_OPERATION_FLUSH,
  })

/** `gzip, deflate` → its codings in the order they were applied, lower case, without parameters and `identity`. */
export function codingsOf(fieldValues: string): string[] {
  const codings: string[] = []
  for (const part of fieldValues.toLowerCase().split(/[,;]/)) {
    const coding = part.trim()
    if (coding !== '' && coding !== 'identity' && !codings.includes(`${coding}=`)) codings.push(coding)
  }
  return codings
}

/** Undoes `codings` of `encoded`, the last one first. `isWhole`: nothing of the encoded content is missing. Never throws. */
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
    if (!undoLayer(codings[layer]!, out, outputMax, report)) break
  }
  if (out.bytes.length > limits.contentMaxBytes) {
    out.bytes = out.bytes.subarray(0, limits.contentMaxBytes)
    out.isTruncated = true
  }
  return out
}

/** False when the coding is unknown, or not what the bytes are: then they stay as they are. */
function undoLayer(
  coding: string,
  out: DecodedContent,
  outputMax: number,
  report: (name: AnomalyName) => void,
): boolean {
  const undos = undosFor(coding, out.bytes)
  if (undos === undefined) {
    report('http.content-coding-unknown')
    return false
  }
  const options = { maxOutputLength: outputMax }
  let best: Buffer | undefined
  for (const undo of undos) {
    try {
      const bytes = undo(out.bytes, options)
      out.bytes = bytes
      if (out.totalBytes !== undefined) out.totalBytes = bytes.length
      return true
    } catch (error) {
      if (codeOf(error) === 'ERR_BUFFER_TOO_LARGE') {
        report('http.content-coding-limit')
        notDecoded(out)
        return false
      }
      // Raw DEFLATE has no header to know it by: unless its end alone is missing, the bytes are something else.
      const isRaw = undo === zlib.inflateRawSync
      const prefix = isRaw ? lenient(undo, out.bytes, outputMax) : longestPrefix(undo, out.bytes, outputMax)
      if (prefix !== undefined && prefix.length > (best?.length ?? 0)) best = prefix
    }
  }
  if (best === undefined) {
    report('http.content-coding-wrong')
    return false
  }
  // Cut short on the wire explains the damage; otherwise the sender did it.
  if (out.totalBytes !== undefined) report('http.content-coding-damaged')
  out.bytes = best
  out.totalBytes = undefined
  out.isTruncated = true
  return true
}

function notDecoded(out: DecodedContent): DecodedContent {
  out.bytes = out.bytes.subarray(0, 0)
  out.totalBytes = undefined
  out.isTruncated = true
  return out
}

/** What to try, likeliest first, judged by the first bytes rather than the label: senders confuse gzip, zlib and raw DEFLATE. */
function undosFor(coding: string, bytes: Uint8Array): Undo[] | undefined {
  if (coding === 'br') return [undoBrotli]
  const isDeflate = coding === 'deflate' || coding === 'x-deflate'
  if (coding !== 'gzip' && coding !== 'x-gzip' && !isDeflate) return undefined
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return [zlib.gunzipSync]
  const first = bytes[0] ?? 0
  const isZlib = (first & 0x0f) === 8 && (first * 256 + (bytes[1] ?? 0)) % 31 === 0
  return isZlib ? [zlib.inflateSync, zlib.inflateRawSync] : [zlib.inflateRawSync]
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
