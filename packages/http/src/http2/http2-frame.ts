/**
 * The head of an HTTP/2 frame, and where frames are sure amid bytes of which nobody knows what they are: behind a gap, or in a
 * connection that was joined midway. RFC 9113 §4.1, §6.
 *
 * Sure is a chain of heads that each are exactly what their type allows, up to the end of the bytes. Nine random octets are such a head
 * about once in 2^24; two in a row, or one that ends just where the segment ends, once in 2^40 and more.
 */

export const frameHeadBytes = 9

/** RFC 9113 §6. */
export const FrameType = {
  data: 0,
  headers: 1,
  priority: 2,
  resetStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const

/** What a type demands: flags that it knows, and whether it belongs to a stream (1), to the connection (0), to either (2). */
const flagsByType = [0x09, 0x2d, 0, 0, 0x01, 0x0c, 0x01, 0, 0, 0x04]
const streamByType = [1, 1, 1, 1, 0, 1, 0, 0, 2, 1]
const connectionOnly = 0
const streamOnly = 1
const settingsMaxBytes = 120
const settingIdentifierMax = 0x10
const resetCodeMax = 0x0d
const plausibleMaxBytes = 16_384
/** Ids of new streams follow each other; so many may have been missed. */
const missedStreamsMax = 8_192
/** At another place than the start of a segment, so many heads in a row are asked for. */
const chainMinInside = 3

/** What the RFC calls an error whoever sends it: a size that the type cannot have, or a stream where none belongs. */
export function hasWrongSize(type: number, flags: number, length: number, streamId: number): boolean {
  if (type > FrameType.continuation) return false
  const belongs = streamByType[type]
  if ((belongs === streamOnly && streamId === 0) || (belongs === connectionOnly && streamId !== 0)) return true
  return !isRightSize(type, flags, length)
}

function isRightSize(type: number, flags: number, length: number): boolean {
  switch (type) {
    case FrameType.priority:
      return length === 5
    case FrameType.resetStream:
    case FrameType.windowUpdate:
      return length === 4
    case FrameType.settings:
      return (flags & 1) !== 0 ? length === 0 : length % 6 === 0
    case FrameType.pushPromise:
      return length >= 4
    case FrameType.ping:
      return length === 8
    case FrameType.goAway:
      return length >= 8
    default:
      return true
  }
}

/**
 * Index in `bytes[from, to)` from which frames are sure, or -1. `lastStreamId`: the largest stream id seen so far in this direction; 0 when
 * nothing is known of the connection: then only the start of the bytes is looked at.
 */
export function findFrames(bytes: Uint8Array, from: number, to: number, lastStreamId: number): number {
  if (isChain(bytes, from, to, lastStreamId, 2)) return from
  if (lastStreamId === 0) return -1
  for (let at = from + 1; at + frameHeadBytes <= to; at++) {
    // Nearly all places fail here.
    if (bytes[at + 3]! > FrameType.continuation || bytes[at]! > 0 || bytes[at + 1]! > 0x40) continue
    if (isChain(bytes, at, to, lastStreamId, chainMinInside)) return at
  }
  return -1
}

/** A chain of at least `countMin` heads, or one that ends where the bytes end. */
function isChain(bytes: Uint8Array, from: number, to: number, lastStreamId: number, countMin: number): boolean {
  let at = from
  let count = 0
  while (at < to) {
    // A head that is cut speaks neither for nor against it.
    if (at + frameHeadBytes > to) return count >= countMin
    const next = nextFrame(bytes, at, to, lastStreamId)
    if (next < 0) return false
    count++
    at = next
  }
  return count >= countMin || (at === to && count > 0 && countMin === 2)
}

/** Index behind the frame at `at`, which may be behind `to`; -1 if nobody would send it. */
function nextFrame(bytes: Uint8Array, at: number, to: number, lastStreamId: number): number {
  const length = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!
  const type = bytes[at + 3]!
  const flags = bytes[at + 4]!
  if (length > plausibleMaxBytes || type > FrameType.continuation || (flags & ~flagsByType[type]!) !== 0) return -1
  const streamId = (bytes[at + 5]! << 24) | (bytes[at + 6]! << 16) | (bytes[at + 7]! << 8) | bytes[at + 8]!
  if (streamId < 0 || hasWrongSize(type, flags, length, streamId)) return -1
  if (lastStreamId > 0 ? streamId > lastStreamId + 2 * missedStreamsMax : isOddStream(type, streamId)) return -1
  const payload = at + frameHeadBytes
  if (!isPlausiblePayload(bytes, payload, Math.min(to, payload + length), type, flags, length)) return -1
  return payload + length
}

/** Only servers open streams of even numbers, and hardly any does. */
function isOddStream(type: number, streamId: number): boolean {
  return streamByType[type] === streamOnly && streamId % 2 === 0
}

function isPlausiblePayload(
  bytes: Uint8Array,
  from: number,
  to: number,
  type: number,
  flags: number,
  length: number,
): boolean {
  const isPadded = (flags & 0x08) !== 0 && type !== FrameType.settings
  if (isPadded && (length === 0 || (from < to && bytes[from]! >= length))) return false
  switch (type) {
    case FrameType.headers:
      return length > 0
    case FrameType.resetStream:
      return (
        to - from < 4 ||
        (bytes[from] === 0 && bytes[from + 1] === 0 && bytes[from + 2] === 0 && bytes[from + 3]! <= resetCodeMax)
      )
    case FrameType.settings:
      if (length > settingsMaxBytes) return false
      for (let at = from; at + 6 <= to; at += 6) {
        const identifier = (bytes[at]! << 8) | bytes[at + 1]!
        if (identifier === 0 || identifier > settingIdentifierMax) return false
      }
      return true
    case FrameType.windowUpdate:
      return (
        to - from < 4 ||
        (bytes[from]! < 0x80 && (bytes[from]! | bytes[from + 1]! | bytes[from + 2]! | bytes[from + 3]!) !== 0)
      )
    default:
      return true
  }
}
