/**
 * Folds a shape into a schema tree straight from the line's bytes: what `addShape` does with the parsed shape, without making one.
 *
 *   bytes ─► read: every value finds its node and its kind of leaf ─► count them all
 *                └─ anything unexpected: nothing has been counted, and `addShape` takes it
 *
 * The first part only finds; so a shape is counted whole by one of the two. Unexpected is: a property that the tree does not
 * know yet, one that stands twice in an object, escapes and text beyond ASCII, too much depth, what is no shape. A settled tree sees
 * none of these. Each object's properties mostly come in the order of the one before, so the one is compared first that
 * followed the last time.
 */

import { textMemo } from '@tapwarden/contracts/bytes-memo'
import { type LineBytes, stringEnd } from '@tapwarden/contracts/line-scanner'
import { isDiscriminator } from './echo.js'
import { isToken, isUsualToken, leafHeads, tokenBytes, tokenMarkBytes, tokenStart } from './leaf-bytes.js'
import { arrayKind, type LeafKind, objectKind } from './leaf-kind.js'
import { addDistinct, type SchemaTree, treeDepthMaxCount } from './schema-tree.js'

/** Values of one shape: a sensor sends 512 leaves at most, and what holds them. */
const valuesMaxCount = 2_048
const giveUp = 0
const quote = 0x22
const comma = 0x2c
const colon = 0x3a
const openBracket = 0x5b
const closeBracket = 0x5d
const openBrace = 0x7b
const closeBrace = 0x7d

/** An array that held nothing: its own mark, since nothing else tells them apart here. */
const emptyArrayKind: LeafKind = { ...arrayKind }

const tokens = textMemo()
export class ShapeFolder {
  /** Of each value of the shape that was folded last. */
  readonly #nodes: SchemaTree[] = []
  readonly #kinds: LeafKind[] = []
  /** Where its token begins and ends in the record; 0 without one. */
  readonly #tokenFrom = new Int32Array(valuesMaxCount)
  readonly #tokenTo = new Int32Array(valuesMaxCount)
  #count = 0
  #line: LineBytes | undefined
  #objectNumber = 0

  /** Folds the shape at `[from, to)`, which is JSON without blanks; false when it is not folded, and `tree` is as it was. */
  fold(tree: SchemaTree, line: LineBytes, from: number, to: number): boolean {
    this.#count = 0
    this.#line = line
    if (this.#value(line, tree, from, to, 0) !== to) {
      this.#count = 0
      return false
    }
    for (let i = 0; i < this.#count; i++) {
      const node = this.#nodes[i]! // Here and below: as many as counted.
      const kind = this.#kinds[i]!
      node.count++
      if (kind === emptyArrayKind) {
        node.countKind(arrayKind)
        node.emptyArrayCount++
      } else node.countKind(kind)
      const tokenFrom = this.#tokenFrom[i]!
      if (tokenFrom > 0 && !node.distinctOverflow) addDistinct(node, tokens.of(line, tokenFrom, this.#tokenTo[i]!))
    }
    return true
  }

  /**
   * What `echoedSegments` says of the shape folded last, for the array of tokens at `from` in the same record; `'unread'` when they are no
   * `segmentCount` tokens as our sensor makes them.
   */
  echoedAt(from: number, segmentCount: number): boolean[] | undefined | 'unread' {
    const line = this.#line
    if (line === undefined) return 'unread'
    const { bytes, view } = line
    // Each is a quote, the token, a quote, and a comma or the end.
    const stride = tokenBytes + 3
    if (bytes[from + segmentCount * stride] !== closeBracket) return 'unread'
    for (let i = 0, at = from + 1; i < segmentCount; i++, at += stride) {
      if (bytes[at] !== quote || !isToken(bytes, view, at + 1)) return 'unread'
      if (bytes[at + tokenBytes + 2] !== (i === segmentCount - 1 ? closeBracket : comma)) return 'unread'
    }
    const echoed = Array<boolean>(segmentCount).fill(false)
    let comparable = false
    for (let i = 0; i < this.#count; i++) {
      const token = this.#tokenFrom[i]!
      if (token === 0) continue
      if (!comparable && isDiscriminator(this.#nodes[i]!.name)) continue
      comparable = true
      if (this.#tokenTo[i]! - token !== tokenBytes) continue
      const last = view.getInt32(token + tokenBytes - 4, true)
      for (let j = 0, at = from + 2; j < segmentCount; j++, at += stride) {
        if (view.getInt32(at + tokenBytes - 4, true) !== last || !isSameToken(view, at, token)) continue
        if (!isDiscriminator(this.#nodes[i]!.name)) echoed[j] = true
      }
    }
    return comparable ? echoed : undefined
  }

  /** The same, for tokens of any kind. */
  echoed(pathTokens: readonly string[]): boolean[] | undefined {
    const echoed = pathTokens.map(() => false)
    let comparable = false
    for (let i = 0; i < this.#count; i++) {
      const from = this.#tokenFrom[i]!
      if (from === 0) continue
      if (!comparable && isDiscriminator(this.#nodes[i]!.name)) continue
      comparable = true
      for (let j = 0; j < pathTokens.length; j++) {
        if (!this.#isToken(pathTokens[j]!, from, this.#tokenTo[i]!)) continue
        if (!isDiscriminator(this.#nodes[i]!.name)) echoed[j] = true
      }
    }
    return comparable ? echoed : undefined
  }

  #isToken(token: string, from: number, to: number): boolean {
    if (token.length !== to - from || this.#line === undefined) return false
    const { bytes } = this.#line
    // From the end: all of them begin with the number of their key.
    for (let i = token.length - 1; i >= 0; i--) if (token.charCodeAt(i) !== bytes[from + i]) return false
    return true
  }

  /** Index behind the value at `at`, or 0 for an unexpected one. */
  #value(line: LineBytes, tree: SchemaTree, at: number, to: number, depth: number): number {
    if (depth > treeDepthMaxCount || this.#count >= valuesMaxCount) return giveUp
    const byte = line.bytes[at]
    if (byte === quote) return this.#leaf(line, tree, at + 1, to)
    if (byte === openBrace) return this.#object(line, tree, at, to, depth)
    return byte === openBracket ? this.#array(line, tree, at, to, depth) : giveUp
  }

  #leaf(line: LineBytes, tree: SchemaTree, from: number, to: number): number {
    const { headPlace } = tree
    if (headPlace >= 0 && leafHeads.holds(headPlace, line, from)) {
      const head = leafHeads.at(headPlace)
      const headEnd = from + leafHeads.lengthAt(headPlace)
      if (head.isPlain && line.bytes[headEnd] === quote) {
        this.#tokenFrom[this.#note(tree, head.kind)] = 0
        return headEnd + 1
      }
      const tokenFrom = headEnd + tokenMarkBytes
      if (tokenFrom + tokenBytes < to && isUsualToken(line, headEnd)) {
        const i = this.#note(tree, head.kind)
        this.#tokenFrom[i] = tokenFrom
        this.#tokenTo[i] = tokenFrom + tokenBytes
        return tokenFrom + tokenBytes + 1
      }
    }
    const behind = stringEnd(line.view, line.bytes, from, to)
    if (behind <= 0) return giveUp
    const end = behind - 1
    const tokenFrom = tokenStart(line.bytes, from, end)
    const headEnd = tokenFrom === 0 ? end : tokenFrom - tokenMarkBytes
    tree.headPlace = leafHeads.placeOf(line, from, headEnd)
    const head = tree.headPlace < 0 ? leafHeads.of(line, from, headEnd) : leafHeads.at(tree.headPlace)
    const i = this.#note(tree, head.kind)
    this.#tokenFrom[i] = tokenFrom
    this.#tokenTo[i] = end
    return behind
  }

  #array(line: LineBytes, tree: SchemaTree, from: number, to: number, depth: number): number {
    const { bytes } = line
    let at = from + 1
    while (bytes[at]! >= 0x30 && bytes[at]! <= 0x39) at++ // Here and below: the shape ends with a bracket or a brace.
    // A count first, in digits.
    if (at === from + 1 || (bytes[at] !== comma && bytes[at] !== closeBracket)) return giveUp
    this.#tokenFrom[this.#note(tree, at === from + 2 && bytes[from + 1] === 0x30 ? emptyArrayKind : arrayKind)] = 0
    while (bytes[at] === comma) {
      if (tree.items === undefined) return giveUp
      at = this.#value(line, tree.items, at + 1, to, depth + 1)
      if (at === giveUp) return giveUp
    }
    return bytes[at] === closeBracket ? at + 1 : giveUp
  }

  #object(line: LineBytes, tree: SchemaTree, from: number, to: number, depth: number): number {
    const { bytes } = line
    this.#tokenFrom[this.#note(tree, objectKind)] = 0
    if (bytes[from + 1] === closeBrace) return from + 2
    const objectNumber = ++this.#objectNumber
    let before: SchemaTree | undefined
    let at = from
    do {
      at++
      let child = before === undefined ? tree.first : before.next
      if (child === undefined || !isNamed(bytes, at, child.name)) {
        child = known(line, tree, at, to)
        if (child === undefined) return giveUp
        if (before === undefined) tree.first = child
        else before.next = child
      }
      if (child.objectNumber === objectNumber) return giveUp
      child.objectNumber = objectNumber
      before = child
      at = this.#value(line, child, at + child.name.length + 3, to, depth + 1)
      if (at === giveUp) return giveUp
    } while (bytes[at] === comma)
    return bytes[at] === closeBrace ? at + 1 : giveUp
  }

  #note(tree: SchemaTree, kind: LeafKind): number {
    const i = this.#count++
    this.#nodes[i] = tree
    this.#kinds[i] = kind
    return i
  }
}

/** Whether `"name":` stands at `at`. Names that are guessed are ASCII without escapes. */
function isNamed(bytes: Uint8Array, at: number, name: string): boolean {
  const end = at + 1 + name.length
  if (bytes[end] !== quote || bytes[end + 1] !== colon) return false
  for (let i = 0; i < name.length; i++) if (bytes[at + 1 + i] !== name.charCodeAt(i)) return false
  return bytes[at] === quote
}

function known(line: LineBytes, tree: SchemaTree, at: number, to: number): SchemaTree | undefined {
  const behind = stringEnd(line.view, line.bytes, at + 1, to)
  return behind <= 0 ? undefined : tree.properties.get(line.buffer.toString('latin1', at + 1, behind - 1))
}

function isSameToken(view: DataView, a: number, b: number): boolean {
  for (let i = 0; i < tokenBytes - 4; i += 4)
    if (view.getInt32(a + i, true) !== view.getInt32(b + i, true)) return false
  return true
}
