/**
 * JSON text allows half of a surrogate pair (`"\ud800"`); ClickHouse refuses it, or, told to be lenient, reads on past the string's
 * closing quote, so that a client's text could name columns. So halves become U+FFFD before anything is sent: six bytes for six.
 */

const backslash = 0x5c
const replacement = Buffer.from('\\ufffd')

/** The same bytes where nothing is to do, else a copy. Expects JSON; whole pairs stay. */
export function withoutLoneSurrogates(json: Uint8Array): Buffer {
  let bytes = Buffer.from(json.buffer, json.byteOffset, json.byteLength)
  let copied = false
  for (const start of ['\\ud', '\\uD']) {
    for (let at = bytes.indexOf(start); at >= 0; at = bytes.indexOf(start, at)) {
      const unit = isEscape(bytes, at) ? unitAt(bytes, at) : undefined
      if (unit === undefined) at += 1
      else if (isHigh(unit) && isLow(unitAt(bytes, at + 6))) at += 12
      else if (isHigh(unit) || isLow(unit)) {
        if (isLow(unit) && isPaired(bytes, at)) at += 6
        else {
          if (!copied) bytes = Buffer.from(bytes)
          copied = true
          replacement.copy(bytes, at)
          at += 6
        }
      } else at += 6
    }
  }
  return bytes
}

/** A backslash that is itself escaped begins nothing. */
function isEscape(bytes: Buffer, at: number): boolean {
  let before = at
  while (before > 0 && bytes[before - 1] === backslash) before--
  return (at - before) % 2 === 0
}

/** The code unit of `\uXXXX` at `at`, if one stands there. */
function unitAt(bytes: Buffer, at: number): number | undefined {
  const match = /^\\u([0-9a-fA-F]{4})$/.exec(bytes.toString('latin1', at, at + 6))
  return match?.[1] === undefined ? undefined : Number.parseInt(match[1], 16)
}

/** A low half right after a high half, which stays. */
function isPaired(bytes: Buffer, at: number): boolean {
  return at >= 6 && isHigh(unitAt(bytes, at - 6)) && isEscape(bytes, at - 6)
}

function isHigh(unit: number | undefined): boolean {
  return unit !== undefined && unit >= 0xd800 && unit <= 0xdbff
}

function isLow(unit: number | undefined): boolean {
  return unit !== undefined && unit >= 0xdc00 && unit <= 0xdfff
}
