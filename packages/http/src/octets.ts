/** Octets as HTTP classes them: tables and small scans shared by every parser here. RFC 9110 §5.6, RFC 9112 §2.2. */

export const HTAB = 0x09
export const LF = 0x0a
export const CR = 0x0d
export const SP = 0x20
export const COLON = 0x3a
export const SEMICOLON = 0x3b

const tokenMarks = "!#$%&'*+-.^_`|~"

/** 1 where the octet may stand in a token (method, field name). RFC 9110 §5.6.2. */
export const tokenTable = new Uint8Array(256)
/** The octet with ASCII letters in lower case. */
export const lowerTable = new Uint8Array(256)
/** Both in one look-up: the lower-case octet where it may stand in a token, else 0. */
export const tokenLowerTable = new Uint8Array(256)
for (let octet = 0; octet < 256; octet++) {
  const isUpper = octet >= 0x41 && octet <= 0x5a
  const isLower = octet >= 0x61 && octet <= 0x7a
  const isDigit = octet >= 0x30 && octet <= 0x39
  lowerTable[octet] = isUpper ? octet + 0x20 : octet
  tokenTable[octet] = isUpper || isLower || isDigit || tokenMarks.includes(String.fromCharCode(octet)) ? 1 : 0
  tokenLowerTable[octet] = tokenTable[octet] === 1 ? lowerTable[octet]! : 0
}

let lastViewed: ArrayBufferLike = new ArrayBuffer(0)
let lastView: DataView = new DataView(lastViewed)
let otherViewed: ArrayBufferLike = lastViewed
let otherView = lastView

/**
 * Whole words of `bytes`: index plus `bytes.byteOffset`. The last two views are kept, since the next bytes nearly always stand in the
 * same block of packets or of kept heads.
 */
export function wordsOf(bytes: Uint8Array): DataView {
  const { buffer } = bytes
  if (buffer !== lastViewed) {
    const view = buffer === otherViewed ? otherView : new DataView(buffer)
    otherViewed = lastViewed
    otherView = lastView
    lastViewed = buffer
    lastView = view
  }
  return lastView
}

/** Not 0 when one of the four octets of `word` is a control or, `belowOctet` being 0x21, a space. Exact for octets below 0x80. */
export function hasOctetBelow(word: number, belowOctet: number): number {
  return (word - Math.imul(belowOctet, 0x01010101)) & ~word & 0x80808080
}

/** First index of LF in `bytes[from, to)`, or -1. */
export function indexOfLf(bytes: Uint8Array, from: number, to: number): number {
  for (let i = from; i < to; i++) if (bytes[i] === LF) return i
  return -1
}

export function isBlank(octet: number | undefined): boolean {
  return octet === SP || octet === HTAB
}

/** Whether `bytes[from, to)` starts with `lowerCaseText`, letters in either case. */
export function startsWith(bytes: Uint8Array, from: number, to: number, lowerCaseText: string): boolean {
  if (to - from < lowerCaseText.length) return false
  for (let i = 0; i < lowerCaseText.length; i++) {
    if (lowerTable[bytes[from + i]!] !== lowerCaseText.charCodeAt(i)) return false
  }
  return true
}

/** Value of a hexadecimal digit, or -1. */
export function hexValue(octet: number): number {
  if (octet >= 0x30 && octet <= 0x39) return octet - 0x30
  const lower = octet | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}

/** Node has it, its types do not: the slice without the checks of `toString`. */
interface Latin1Slicer {
  latin1Slice(from: number, to: number): string
}
const slicers = new WeakMap<ArrayBufferLike, Latin1Slicer>()
/** The last two used, nearly always the packets' block and that of kept heads, in turn. They keep these blocks alive. */
let lastBuffer: ArrayBufferLike = new ArrayBuffer(0)
let lastSlicer: Latin1Slicer = slicerOf(lastBuffer)
let otherBuffer: ArrayBufferLike = lastBuffer
let otherSlicer = lastSlicer

function slicerOf(buffer: ArrayBufferLike): Latin1Slicer {
  let slicer = slicers.get(buffer)
  if (slicer === undefined) {
    slicer = Buffer.from(buffer) as Buffer & Latin1Slicer
    slicers.set(buffer, slicer)
  }
  return slicer
}

/** `bytes[from, to)` as Latin-1: each octet one character, so that nothing on the wire is lost or refused. */
export function latin1(bytes: Uint8Array, from: number, to: number): string {
  const count = to - from
  if (count <= 0) return ''
  if (count < 12) return shortLatin1(bytes, from, to)
  const { buffer } = bytes
  if (buffer !== lastBuffer) {
    const isOther = buffer === otherBuffer
    const slicer = isOther ? otherSlicer : slicerOf(buffer)
    otherBuffer = lastBuffer
    otherSlicer = lastSlicer
    lastBuffer = buffer
    lastSlicer = slicer
  }
  return lastSlicer.latin1Slice(bytes.byteOffset + from, bytes.byteOffset + to)
}

/** Below about a dozen octets joining characters beats the call into the engine. */
function shortLatin1(bytes: Uint8Array, from: number, to: number): string {
  let text = ''
  for (let i = from; i < to; i++) text += String.fromCharCode(bytes[i]!)
  return text
}

/** The tokens of a list of codings, lower case; whatever is none of their octets separates. Parameters are left out. */
export function tokensOf(value: string): string[] {
  const tokens: string[] = []
  let start = 0
  let isParameter = false
  for (let i = 0; i <= value.length; i++) {
    const octet = i < value.length ? value.charCodeAt(i) : 0x2c
    if (tokenTable[octet] === 1) continue
    if (i > start && !isParameter) tokens.push(value.slice(start, i).toLowerCase())
    if (octet === SEMICOLON) isParameter = true
    else if (octet === 0x2c) isParameter = false
    start = i + 1
  }
  return tokens
}
