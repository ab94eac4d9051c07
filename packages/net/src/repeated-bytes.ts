/** Whether bytes that came twice for the same numbers are the same: a repetition, or a forgery. */

/** Twelve bytes of a segment as one number: the first, those in the middle, the last. Equal segments have equal marks. */
export function mark(buffer: Uint8Array, from: number, to: number): number {
  const middle = (from + to) >> 1
  return (
    ((word(buffer, from, to) ^ Math.imul(word(buffer, middle, to), 0x9e3779b1)) +
      Math.imul(word(buffer, to - 4 < from ? from : to - 4, to), 0x85ebca6b)) |
    0
  )
}

function word(buffer: Uint8Array, at: number, to: number): number {
  if (at + 4 > to) return at < to ? buffer[at]! : 0
  return buffer[at]! | (buffer[at + 1]! << 8) | (buffer[at + 2]! << 16) | (buffer[at + 3]! << 24)
}

/** Whether `a[from, to)` equals the bytes of `b` from `bAt` on. */
export function areEqual(a: Uint8Array, from: number, to: number, b: Uint8Array, bAt: number): boolean {
  for (let at = from; at < to; at++) if (a[at] !== b[bAt + at - from]) return false
  return true
}
