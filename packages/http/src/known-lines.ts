/**
 * Which whole field line comes next: one of the few that followed the same name lately. Most lines of a head say what the same sender, or its
 * like, said before, so comparing words replaces reading them; and whoever reads the fields later knows the line by its number and
 * need not look into it again. A guess that fails costs time, never truth: all octets of the line are compared, its end included, and what a
 * line says depends on nothing else.
 *
 * One table for all flows, of fixed size: a set of lines for the names that share a slot. Lines that never come again (ids, dates) would push
 * out and be written for nothing, so a set that is not hit takes new lines more and more seldom.
 */

const setCount = 1_024
const waysPerSet = 4
const wordsPerLine = 40
/** Longer lines are read each time: in words of four, the last of which overlaps its neighbour. */
const lineMaxBytes = wordsPerLine * 4
const lineMinBytes = 4
const patienceMax = 12

const lineCount = setCount * waysPerSet
const words = new Int32Array(lineCount * wordsPerLine)
/** Octets of the line with its end; 0: none. */
const lengths = new Uint8Array(lineCount)
/** What it says, offsets from its start. */
export const lineNameEnds: Uint8Array = new Uint8Array(lineCount)
export const lineValueStarts: Uint8Array = new Uint8Array(lineCount)
export const lineValueEnds: Uint8Array = new Uint8Array(lineCount)
export const lineHashes: Int32Array = new Int32Array(lineCount)
/** Never given again to another line. */
export const lineIds: Float64Array = new Float64Array(lineCount)
/** By set: where the next newcomer goes, how many newcomers are passed over until one is taken (a power of two), and how many were. */
const nextWays = new Uint8Array(setCount)
const patience = new Uint8Array(setCount)
const passedOver = new Uint16Array(setCount)
let lastId = 0

export const noLine = -1

/** The set for what follows the name of this hash. */
export function setAfter(previousHash: number): number {
  return (previousHash ^ (previousHash >>> 15)) & (setCount - 1)
}

/** The line of the set that stands at `at` of `view`, whole before `to`, or `noLine`. */
export function knownLineAt(set: number, view: DataView, at: number, to: number): number {
  const first = set * waysPerSet
  for (let line = first; line < first + waysPerSet; line++) {
    const length = lengths[line]! // Here and below: sets and lines of the table.
    if (length === 0) return noLine
    const last = at + length - 4
    if (last + 4 > to) continue
    let word = line * wordsPerLine
    if (view.getInt32(last, true) !== words[word++]) continue
    let offset = at
    while (offset < last && view.getInt32(offset, true) === words[word]) {
      offset += 4
      word++
    }
    if (offset < last) continue
    patience[set] = 0
    return line
  }
  return noLine
}

export function lineBytes(line: number): number {
  return lengths[line]!
}

/** The line at `at` of `view` was read, octet by octet, where none of the set's stood. Offsets from its start. */
export function learnLine(
  set: number,
  view: DataView,
  at: number,
  length: number,
  nameEnd: number,
  valueStart: number,
  valueEnd: number,
  hash: number,
): void {
  if (length < lineMinBytes || length > lineMaxBytes) return
  if (++passedOver[set]! < 1 << patience[set]!) return
  passedOver[set] = 0
  if (patience[set]! < patienceMax) patience[set]!++
  const way = nextWays[set]!
  nextWays[set] = (way + 1) % waysPerSet
  const line = set * waysPerSet + way
  const last = at + length - 4
  let word = line * wordsPerLine
  words[word++] = view.getInt32(last, true)
  for (let offset = at; offset < last; offset += 4) words[word++] = view.getInt32(offset, true)
  lengths[line] = length
  lineNameEnds[line] = nameEnd
  lineValueStarts[line] = valueStart
  lineValueEnds[line] = valueEnd
  lineHashes[line] = hash
  lineIds[line] = ++lastId
}
