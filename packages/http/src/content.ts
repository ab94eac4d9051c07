/**
 * Content codings undone: gzip, deflate (zlib and raw), br, layered, mislabelled, cut short or damaged, within limits on size,
 * ratio and layers. RFC 9110 §8.4. A damaged stream still gives the bytes before the damage, its size stays unknown.
 */

import { handleOf, knownCodings, looksLikeText, undoPart, type Way, waysFor } from './coding-ways.js'
import type { AnomalyName, HttpLimits } from './http-limits.js'
import type { InflatedPart } from './inflate-handle.js'
import { tokensOf } from './octets.js'

export interface DecodedContent {
  bytes: Uint8Array
  /** Whole decoded size, undefined when it cannot be known. */
  totalBytes: number | undefined
  /** `bytes` is less than the content. */
  isTruncated: boolean
  /** Content is hidden, or part of it, for another reason than missing bytes: damage, a limit, a coding that cannot be undone. */
  isHidden: boolean
  /** Octets that came out in all attempts at all layers, at most: never more than `workRatio` times what may come out. */
  workBytes: number
}

/** What damage may cost: three times the work of the largest content that is allowed. */
const workRatio = 3

/** Whole gzip streams, nearly all that is compressed, the short way. */
const gunzipHandle = handleOf('gzip')

/** What was decoded so far is read no more: its memory is used again. */
export function forgetDecoded(): void {
  gunzipHandle?.rewind()
}

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
    isHidden: false,
    workBytes: 0,
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
  if (!knownCodings.has(coding)) {
    report('http.content-coding-unknown')
    out.isHidden = true
    return
  }
  const ways = waysFor(coding, out.bytes)
  if (ways === 'unsupported') {
    report('http.content-coding-unsupported')
    notDecoded(out)
    return
  }
  if (ways[0]?.format === 'gzip' && gunzipHandle !== undefined && out.totalBytes !== undefined) {
    const outputMaxBytes = Math.min(outputMax, workLeft(out, outputMax))
    const output = gunzipHandle.inflate(out.bytes, outputMaxBytes)
    out.workBytes += output?.length ?? outputMaxBytes
    if (output !== undefined) {
      out.bytes = output
      out.totalBytes = output.length
      return
    }
  }
  undoWithCare(ways, out, outputMax, report)
}

/** Takes the first way that comes to the end of its stream, else the one that comes farthest. */
function undoWithCare(
  ways: readonly Way[],
  out: DecodedContent,
  outputMax: number,
  report: (name: AnomalyName) => void,
): void {
  let best: InflatedPart | undefined
  for (const [position, way] of ways.entries()) {
    // A part may cost twice what comes out.
    const outputMaxBytes = Math.min(outputMax, Math.floor(workLeft(out, outputMax) / 2))
    const part = undoPart(way, out.bytes, outputMaxBytes)
    out.workBytes += part.workBytes
    if (part.end === 'too-large') {
      if (best !== undefined) break
      report('http.content-coding-limit')
      notDecoded(out)
      return
    }
    if (part.end === 'whole') {
      const isShort = part.unreadBytes > way.unreadMaxBytes
      if (isShort && !isText(part.output)) continue
      // Not the first way: header or checksum are wrong, the stream itself is whole.
      if (position > 0 || isShort) report('http.content-coding-damaged')
      out.bytes = part.output
      if (out.totalBytes !== undefined) out.totalBytes = part.output.length
      return
    }
    // Nothing known is missing, yet there is no end: unless text comes out, the bytes are something else.
    const isCutHere = part.end === 'cut' && out.totalBytes === undefined
    if (!way.isSure && !isCutHere && !isText(part.output)) continue
    // Nothing at all comes out of a stream that was cut before its first block: still a stream.
    const isBeginning = part.end === 'cut' && best === undefined
    if (isBeginning || part.output.length > (best?.output.length ?? 0)) best = part
  }
  if (best === undefined) {
    report('http.content-coding-wrong')
    out.isHidden ||= !looksLikeText(out.bytes)
    return
  }
  const isFlushed = best.end === 'cut' && endsFlushed(out.bytes)
  // Cut short on the wire explains the damage; otherwise the sender did it.
  if (out.totalBytes !== undefined) {
    report('http.content-coding-damaged')
    out.isHidden ||= !isFlushed
  }
  out.bytes = best.output
  if (out.totalBytes !== undefined && isFlushed) {
    out.totalBytes = best.output.length
    return
  }
  out.totalBytes = undefined
  out.isTruncated = true
}

/** The empty block with which a sender hands out all that he has: he did not end his stream, but nothing of it is missing. RFC 1951 §3.2.4. */
function endsFlushed(encoded: Uint8Array): boolean {
  const at = encoded.length - 4
  return at >= 0 && encoded[at] === 0 && encoded[at + 1] === 0 && encoded[at + 2] === 0xff && encoded[at + 3] === 0xff
}

/** Long enough not to be chance. */
const textMinBytes = 16

function isText(output: Uint8Array): boolean {
  return output.length >= textMinBytes && looksLikeText(output)
}

function workLeft({ workBytes }: DecodedContent, outputMax: number): number {
  return workRatio * outputMax - workBytes
}

function notDecoded(out: DecodedContent): DecodedContent {
  out.bytes = out.bytes.subarray(0, 0)
  out.totalBytes = undefined
  out.isTruncated = true
  out.isHidden = true
  return out
}
