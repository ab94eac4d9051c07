/**
 * Which literals of a trie are values of a parameter. A decision is taken a node and suffix at a time, from strongest evidence to weakest:
 *
 * 1. id shape: a parameter at insertion already (path-trie.ts), from one sample on;
 * 2. echo: the segment's value stands in its own response (`login`, `name`): it is a value, whatever it looks like;
 * 3. sibling agreement: the same continuations answer with the same keys (sibling-evidence.ts);
 * 4. the same tail of words behind many siblings (`KORD/alarms`, `KJFK/alarms`);
 * 5. context: what stands behind `namespaces` is a parameter elsewhere on this host;
 * 6. an open long tail of words seen once, where nothing can be compared.
 *
 * Once words make a node a parameter, every word child folds unless it is a proven literal: its answers disagree, or it goes on like none
 * of the values, or its traffic is far above theirs. Decisions only ever fold: more traffic cannot unlearn, so accuracy does not
 * fall as it grows, and ids move in one direction.
 */

import type { PathTrie, TrieNode } from './path-trie.js'
import { siblingVerdicts, tailsOf, type Verdict } from './sibling-evidence.js'

const passesMaxCount = 4
/** Words under one node that agree, before the node is a parameter for words. */
const agreeingWordsMinCount = 3
/** The same, where the words may as well be a closed set of routes: they name collections, or follow an id. */
const closedWordsMinCount = 6
const tailWordsMinCount = 12
const sharedTailMinCount = 6

type Ruling = 'value' | 'literal' | 'unknown'

interface Place {
  readonly node: TrieNode
  /** Last literal above with the parameters since: `repos`, `repos/{}`. */
  readonly context: string
  /** Words are values here elsewhere on this host. */
  readonly knownParameter: boolean
  /** Nothing but `api` and versions above: where routes start. */
  readonly isTop: boolean
  readonly final: boolean
}

/**
 * Folds what can be decided; returns how many literals became values. Deterministic for a given trie. `final`: no more will come, so words
 * that nothing speaks for or against go with their siblings; before, they wait.
 */
export function decideTemplates(trie: PathTrie, final: boolean): number {
  let foldedCount = 0
  const parameterContexts = new Set<string>()
  collectContexts(trie.root, '', parameterContexts)
  for (let pass = 0; pass < passesMaxCount; pass++) {
    const before = foldedCount
    visit(trie.root, '', true)
    if (foldedCount === before) break
  }
  return foldedCount

  function visit(node: TrieNode, context: string, isTop: boolean): void {
    const state = decidedState(node)
    if (node.decidedAt === state) return
    const before = foldedCount
    const place = { node, context, knownParameter: !isTop && parameterContexts.has(context), isTop, final }
    foldedCount += decideNode(trie, place)
    for (const child of node.parameters.values()) visit(child, `${context}/{}`, false)
    for (const child of node.literals.values())
      visit(child, child.label, isTop && (child.shape.kind === 'version' || child.label === 'api'))
    // Folding below may have made siblings here comparable.
    if (foldedCount > before) foldedCount += decideNode(trie, place)
    if (isWordParameter(node)) parameterContexts.add(context)
    node.decidedAt = foldedCount === before ? decidedState(node) : ''
  }

  function decidedState(node: TrieNode): string {
    return `${node.count} ${node.literals.size} ${parameterContexts.size} ${final}`
  }
}

function collectContexts(node: TrieNode, context: string, contexts: Set<string>): void {
  if (isWordParameter(node)) contexts.add(context)
  for (const child of node.parameters.values()) collectContexts(child, `${context}/{}`, contexts)
  for (const child of node.literals.values()) collectContexts(child, child.label, contexts)
}

function isWordParameter(node: TrieNode): boolean {
  const parameter = node.parameters.get('')
  return parameter !== undefined && parameter.foldedWordCount >= 3 && parameter.foldedWordCount > node.literals.size
}

function decideNode(trie: PathTrie, place: Place): number {
  const { node } = place
  if (node.literals.size === 0) return 0
  aliasSpellings(trie, node)
  const groups = new Map<string, TrieNode[]>()
  for (const child of node.literals.values()) {
    if (child.shape.kind === 'version') continue
    const group = groups.get(child.shape.suffix)
    if (group === undefined) groups.set(child.shape.suffix, [child])
    else group.push(child)
  }
  let foldedCount = 0
  for (const [suffix, words] of groups) {
    for (const word of decideGroup(place, words, node.parameters.get(suffix))) {
      trie.fold(node, word.label, suffix)
      foldedCount++
    }
  }
  return foldedCount
}

/**
 * Where a server takes `/Users` for `/users`, the rare spelling is the common one's: both succeeded, since both are here. Both must come
 * from the same route: a tail in common.
 */
function aliasSpellings(trie: PathTrie, node: TrieNode): void {
  for (const child of [...node.literals.values()]) {
    const lower = child.label.toLowerCase()
    const sibling = lower === child.label ? undefined : node.literals.get(lower)
    if (sibling === undefined || sibling.count < child.count * 4) continue
    const tails = tailsOf(sibling)
    for (const tail of tailsOf(child)) {
      if (!tails.has(tail)) continue
      trie.alias(node, child.label, lower)
      break
    }
  }
}

/** The words of one suffix under one node that are values. */
function decideGroup(place: Place, words: readonly TrieNode[], parameter: TrieNode | undefined): TrieNode[] {
  const verdicts = siblingVerdicts(parameter === undefined ? words : [...words, parameter])
  const shared = sharedTails(words)
  const rulings = words.map((word, i) => rule(place, word, verdicts[i]!, shared)) // One verdict a sibling.
  const values = words.filter((_, i) => rulings[i] === 'value')
  const literalCount = rulings.filter((ruling) => ruling === 'literal').length
  if (isParameterForWords(place, words, values, literalCount, parameter)) {
    const tails = new Set(values.flatMap((word) => [...tailsOf(word)]))
    if (parameter !== undefined) for (const tail of tailsOf(parameter)) tails.add(tail)
    const typicalCount = median(values.map((word) => word.count))
    return words.filter((word, i) => {
      if (rulings[i] !== 'unknown') return rulings[i] === 'value'
      return (
        !goesItsOwnWay(word, tails, place.final) && !(word.count >= 8 && word.count > 8 * Math.max(typicalCount, 1))
      )
    })
  }
  if (!place.node.isParameter && isOpenTail(words, literalCount, values.length))
    return words.filter((_, i) => rulings[i] !== 'literal')
  // Beside ids, a word that answers as they do is one of them (`/users/me`); alone, only its own echo says so.
  return words.filter(
    (word, i) =>
      (rulings[i] === 'value' && echoes(word)) ||
      (rulings[i] !== 'literal' &&
        parameter !== undefined &&
        (takesIds(parameter) || !takesIds(place.node)) &&
        agreesFully(verdicts[i]!)),
  )
}

function isParameterForWords(
  place: Place,
  words: readonly TrieNode[],
  values: readonly TrieNode[],
  literalCount: number,
  parameter: TrieNode | undefined,
): boolean {
  if (parameter !== undefined && parameter.foldedWordCount >= 2) return literalCount < words.length
  if (place.knownParameter && literalCount <= values.length) return true
  const echoingCount = words.filter(echoes).length
  if (echoingCount >= 2 && values.length >= literalCount) return true
  const agreeing = values.length >= literalCount * 1.5
  if (!agreeing) return false
  const mayBeRoutes = place.node.isParameter || values.filter(isCollection).length * 2 > values.length
  const needed = mayBeRoutes ? closedWordsMinCount : agreeingWordsMinCount
  if (values.length < (parameter === undefined ? needed : needed - 1)) return false
  // A handful of words that all come often is a choice of routes (`timelines/home`, `timelines/public`), however alike they answer.
  const onceCount = values.filter((word) => word.count <= 2).length
  const goesOn = values.filter((word) => word.literals.size + word.parameters.size > 0).length * 2 >= values.length
  return (goesOn && !place.node.isParameter) || onceCount * 4 >= values.length || values.length >= tailWordsMinCount
}

function rule(place: Place, word: TrieNode, verdict: Verdict, shared: ReadonlySet<string>): Ruling {
  // Where routes start a popular word stands for a part of the API, whatever repeats it by chance.
  if (place.isTop && (isCollection(word) || word.count * 4 > place.node.count)) return 'literal'
  if (echoes(word) && (word.echoEndCount !== 1 || !takesIds(place.node))) return 'value'
  // Words right behind an id are mostly what one can do with it, and answer alike because it is the same thing.
  if (takesIds(place.node) && verdict.deepAgreeCount === 0) return 'unknown'
  if (verdict.exactAgreeCount > 0 && verdict.agreeCount >= 1.5 * verdict.disagreeCount) return 'value'
  if (verdict.agreeCount * 2 >= verdict.comparableCount && verdict.agreeCount > verdict.disagreeCount) return 'value'
  if (verdict.disagreeCount > verdict.agreeCount) return 'literal'
  if (shared.size > 0) for (const tail of tailsOf(word)) if (shared.has(tail)) return 'value'
  return 'unknown'
}

/** A parameter most of whose values are ids by their shape. */
function takesIds(node: TrieNode): boolean {
  if (!node.isParameter) return false
  let total = 0
  for (const count of node.kinds.values()) total += count
  return (node.kinds.get('word') ?? 0) * 2 < total
}

function agreesFully(verdict: Verdict): boolean {
  return verdict.exactAgreeCount > 0 && verdict.disagreeCount === 0
}

function echoes(word: TrieNode): boolean {
  if (word.echoEndCount > 0 && word.echoEndCount * 2 >= word.echoEndEligibleCount) return true
  return word.echoCount >= 2 && word.echoCount * 3 >= word.echoEligibleCount
}

/** `users` in `/users/42`: followed by values, so the word names what they identify. */
function isCollection(word: TrieNode): boolean {
  return (word.parameters.get('')?.count ?? 0) * 3 > word.count
}

/** No continuation of it is one of the values', and it was seen often enough to know. */
function goesItsOwnWay(word: TrieNode, tails: ReadonlySet<string>, final: boolean): boolean {
  if ((final && word.count < 3) || tails.size === 0) return false
  for (const tail of tailsOf(word)) if (tails.has(tail)) return false
  return true
}

/** Tails that start with a word and stand behind most of many siblings. */
function sharedTails(words: readonly TrieNode[]): Set<string> {
  const shared = new Set<string>()
  if (words.length < sharedTailMinCount) return shared
  const counts = new Map<string, number>()
  for (const word of words) {
    for (const tail of tailsOf(word)) {
      const slash = tail.indexOf('/')
      if (slash > 0 && tail[slash + 1] !== '{') counts.set(tail, (counts.get(tail) ?? 0) + 1)
    }
  }
  for (const [tail, count] of counts) if (count >= sharedTailMinCount && count * 5 >= words.length * 3) shared.add(tail)
  return shared
}

/** Many words, most seen once, and nothing that tells them apart: no route has that. */
function isOpenTail(words: readonly TrieNode[], literalCount: number, valueCount: number): boolean {
  if (words.length < tailWordsMinCount || literalCount * 4 > words.length + valueCount) return false
  const onceCount = words.filter((word) => word.count <= 1).length
  const total = words.reduce((sum, word) => sum + word.count, 0)
  return onceCount * 2 >= words.length && total <= words.length * 6
}

function median(counts: readonly number[]): number {
  const sorted = [...counts].sort((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? 0
}
