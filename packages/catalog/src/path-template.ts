/**
 * Which literals of a trie are values of a parameter. A decision is taken a node and suffix at a time, from strongest evidence to weakest:
 *
 * 1. id shape: a parameter at insertion already (path-trie.ts), from one sample on;
 * 2. echo: the segment's value stands in its own response (`login`, `name`): it is a value, whatever it looks like;
 * 3. sibling agreement: the same continuations answer with the same keys (sibling-evidence.ts);
 * 4. an open long tail of words seen once, where nothing can be compared.
 *
 * Once words make a node a parameter, every word child folds unless it is a proven literal: its answers disagree, or it is a collection
 * of its own, or its traffic is far above all values. Decisions only ever fold: more traffic cannot unlearn, so accuracy does not
 * fall as it grows, and ids move in one direction.
 */

import type { PathTrie, TrieNode } from './path-trie.js'
import { siblingVerdicts, type Verdict } from './sibling-evidence.js'

const passesMaxCount = 4
/** Words under one node that agree, before the node is a parameter for words. */
const agreeingWordsMinCount = 3
const tailWordsMinCount = 12

type Ruling = 'value' | 'literal' | 'unknown'

/** Folds what can be decided; returns how many literals became values. Deterministic for a given trie. */
export function decideTemplates(trie: PathTrie): number {
  let foldedCount = 0
  for (let pass = 0; pass < passesMaxCount; pass++) {
    const before = foldedCount
    visit(trie.root)
    if (foldedCount === before) break
  }
  return foldedCount

  function visit(node: TrieNode): void {
    foldedCount += decideNode(trie, node)
    for (const child of node.parameters.values()) visit(child)
    for (const child of node.literals.values()) visit(child)
    // Folding below may have made siblings here comparable.
    foldedCount += decideNode(trie, node)
  }
}

function decideNode(trie: PathTrie, node: TrieNode): number {
  if (node.literals.size === 0) return 0
  const groups = new Map<string, TrieNode[]>()
  for (const child of node.literals.values()) {
    if (child.shape.kind === 'version') continue
    const group = groups.get(child.shape.suffix)
    if (group === undefined) groups.set(child.shape.suffix, [child])
    else group.push(child)
  }
  let foldedCount = 0
  for (const [suffix, words] of groups) {
    for (const word of decideGroup(words, node.parameters.get(suffix))) {
      trie.fold(node, word.label, suffix)
      foldedCount++
    }
  }
  return foldedCount
}

/** The words of one suffix under one node that are values. */
function decideGroup(words: readonly TrieNode[], parameter: TrieNode | undefined): TrieNode[] {
  const siblings = parameter === undefined ? words : [...words, parameter]
  const verdicts = siblingVerdicts(siblings)
  const rulings = words.map((word, i) => rule(word, verdicts[i]!)) // One verdict a sibling.
  const echoing = words.filter(echoes)
  const values = words.filter((_, i) => rulings[i] === 'value')
  const literals = words.filter((_, i) => rulings[i] === 'literal')
  const wordy = parameter !== undefined && parameter.foldedWordCount >= 2
  const isParameter =
    (wordy && literals.length < words.length) ||
    (values.length >= agreeingWordsMinCount && values.length * 2 >= literals.length * 3) ||
    (echoing.length >= 2 && values.length >= literals.length) ||
    (parameter !== undefined && values.length >= 2 && values.length >= literals.length)
  if (isParameter) {
    const typicalCount = median(values.map((word) => word.count))
    return words.filter((word, i) => {
      if (rulings[i] !== 'unknown') return rulings[i] === 'value'
      return !isCollection(word) && !(word.count >= 8 && word.count > 8 * Math.max(typicalCount, 1))
    })
  }
  if (isOpenTail(words, literals.length, values.length)) return words.filter((_, i) => rulings[i] !== 'literal')
  // Beside ids, a word that answers as they do is one of them (`/users/me`); alone, only its own echo says so.
  return words.filter((word, i) => echoes(word) || (parameter !== undefined && agreesFully(verdicts[i]!)))
}

function rule(word: TrieNode, verdict: Verdict): Ruling {
  if (echoes(word)) return 'value'
  if (verdict.exactAgreeCount > 0 && verdict.agreeCount >= 1.5 * verdict.disagreeCount) return 'value'
  if (verdict.agreeCount * 2 >= verdict.comparableCount && verdict.agreeCount > verdict.disagreeCount) return 'value'
  return verdict.disagreeCount > verdict.agreeCount ? 'literal' : 'unknown'
}

function agreesFully(verdict: Verdict): boolean {
  return verdict.exactAgreeCount > 0 && verdict.disagreeCount === 0
}

function echoes(word: TrieNode): boolean {
  if (word.echoEndCount > 0 && word.echoEndCount * 2 >= word.echoEndEligibleCount) return true
  return word.echoCount >= 2 && word.echoCount * 3 >= word.echoEligibleCount
}

/** `users` in `/users/42`: followed by ids, so the word names what they identify. */
function isCollection(word: TrieNode): boolean {
  const below = word.parameters.get('')
  return below !== undefined && below.foldedWordCount === 0
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
