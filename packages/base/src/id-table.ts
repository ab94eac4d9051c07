/**
 * A set of ids of 128 bits, told as 32 lower-case hex digits, in one array of numbers: 16 bytes an id at most half full, and nothing that a
 * garbage collector walks. Hundreds of thousands of ids as strings in a `Set` are most of what it would have to mark.
 *
 * Open addressing with linear probing; a deletion moves back what stood behind it, so there are no tombstones. Any other text is
 * kept as text: the answer is that of a `Set<string>`, whatever is asked. Grows without a limit of its own: who adds bounds it.
 */

const wordsCount = 4
const startSlotsCount = 1_024
const idDigitsCount = 32
/** Of a character that is no lower-case hex digit. */
const noDigit = 0x80

const digitOf = new Uint8Array(128).fill(noDigit)
for (let digit = 0; digit < 16; digit++) digitOf[digit.toString(16).charCodeAt(0)] = digit

export class IdTable {
  /** Four words an id; all of them 0: free. */
  #words = new Int32Array(startSlotsCount * wordsCount)
  #slotMask = startSlotsCount - 1
  #count = 0
  /** Texts that are no such ids, and the id that is all zeros. */
  readonly #others = new Set<string>()
  /** The id that was read last. */
  #a = 0
  #b = 0
  #c = 0
  #d = 0

  get size(): number {
    return this.#count + this.#others.size
  }

  has(id: string): boolean {
    if (!this.#read(id)) return this.#others.has(id)
    return this.#isTaken(this.#slot())
  }

  /** False when it was there. */
  add(id: string): boolean {
    if (!this.#read(id)) {
      if (this.#others.has(id)) return false
      this.#others.add(id)
      return true
    }
    let slot = this.#slot()
    if (this.#isTaken(slot)) return false
    if (2 * (this.#count + 1) > this.#slotMask) {
      this.#grow()
      slot = this.#slot()
    }
    this.#put(slot)
    this.#count++
    return true
  }

  /** False when it was not there. */
  delete(id: string): boolean {
    if (!this.#read(id)) return this.#others.delete(id)
    const slot = this.#slot()
    if (!this.#isTaken(slot)) return false
    this.#count--
    this.#free(slot)
    return true
  }

  clear(): void {
    this.#words.fill(0)
    this.#count = 0
    this.#others.clear()
  }

  /** False for what is no id of this table's kind. */
  #read(id: string): boolean {
    if (id.length !== idDigitsCount) return false
    this.#a = wordAt(id, 0)
    this.#b = wordAt(id, 8)
    this.#c = wordAt(id, 16)
    this.#d = wordAt(id, 24)
    if (this.#a === 0 || this.#b === 0 || this.#c === 0 || this.#d === 0) return isPlain(id)
    return true
  }

  /** Where the id that was read stands, or would stand. */
  #slot(): number {
    const words = this.#words
    for (let slot = homeOf(this.#a, this.#d) & this.#slotMask; ; slot = (slot + 1) & this.#slotMask) {
      const at = slot * wordsCount
      // In range by the mask; half of the slots are free, so one is met.
      const a = words[at]!
      if (a === this.#a && words[at + 1] === this.#b && words[at + 2] === this.#c && words[at + 3] === this.#d)
        return slot
      if (a === 0 && words[at + 1] === 0 && words[at + 2] === 0 && words[at + 3] === 0) return slot
    }
  }

  #isTaken(slot: number): boolean {
    const at = slot * wordsCount
    return (this.#words[at]! | this.#words[at + 1]! | this.#words[at + 2]! | this.#words[at + 3]!) !== 0
  }

  #put(slot: number): void {
    const at = slot * wordsCount
    this.#words[at] = this.#a
    this.#words[at + 1] = this.#b
    this.#words[at + 2] = this.#c
    this.#words[at + 3] = this.#d
  }

  /** Moves back whatever could not stand nearer to its home because this slot was taken. */
  #free(freed: number): void {
    const words = this.#words
    const mask = this.#slotMask
    let hole = freed
    for (let slot = (hole + 1) & mask; this.#isTaken(slot); slot = (slot + 1) & mask) {
      const at = slot * wordsCount
      const home = homeOf(words[at]!, words[at + 3]!) & mask
      // Its home lies behind the hole: it may not stand before it.
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue
      words.copyWithin(hole * wordsCount, at, at + wordsCount)
      hole = slot
    }
    words.fill(0, hole * wordsCount, (hole + 1) * wordsCount)
  }

  #grow(): void {
    const before = this.#words
    const [a, b, c, d] = [this.#a, this.#b, this.#c, this.#d]
    this.#words = new Int32Array(before.length * 2)
    this.#slotMask = this.#words.length / wordsCount - 1
    for (let at = 0; at < before.length; at += wordsCount) {
      this.#a = before[at]!
      this.#b = before[at + 1]!
      this.#c = before[at + 2]!
      this.#d = before[at + 3]!
      if ((this.#a | this.#b | this.#c | this.#d) !== 0) this.#put(this.#slot())
    }
    this.#a = a
    this.#b = b
    this.#c = c
    this.#d = d
  }
}

/** Eight hex digits as a number; 0 as well where one of them is none. */
function wordAt(id: string, from: number): number {
  let word = 0
  let seen = 0
  for (let i = from; i < from + 8; i++) {
    const code = id.charCodeAt(i)
    const digit = code < 128 ? digitOf[code]! : noDigit // In range by the condition.
    seen |= digit
    word = (word << 4) | digit
  }
  return (seen & noDigit) === 0 ? word : 0
}

/** Whether a text with a word that reads as 0 is an id after all, and not the one that is all zeros. */
function isPlain(id: string): boolean {
  return /^[0-9a-f]{32}$/.test(id) && !/^0+$/.test(id)
}

/** Ids are hashes, but somebody else may have made them: every bit of two words counts. */
function homeOf(a: number, d: number): number {
  let hash = Math.imul(a ^ Math.imul(d, 0x9e3779b1), 0x85ebca6b)
  hash ^= hash >>> 15
  return hash
}
