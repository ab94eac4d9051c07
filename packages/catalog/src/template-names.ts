/** Parameter names as a person would choose them: from the collection before the parameter, else from what its values look like. */

import type { SegmentKind } from './segment-shape.js'

/** `users` → `userId`, `shipping-addresses` → `shippingAddressId`; nothing before it: by kind. `taken` names of the same template get a number. */
export function parameterName(before: string | undefined, kind: SegmentKind, taken: ReadonlySet<string>): string {
  const noun = before === undefined ? undefined : singular(camel(before))
  let name: string
  if (kind === 'date' || kind === 'date-time') name = kind === 'date' ? 'date' : 'time'
  else if (kind === 'email') name = 'email'
  else if (noun === undefined || noun === '') name = kind === 'word' || kind === 'text' ? 'name' : 'id'
  else name = `${noun}${kind === 'word' || kind === 'text' ? 'Name' : 'Id'}`
  if (!taken.has(name)) return name
  for (let i = 2; ; i++) if (!taken.has(`${name}${i}`)) return `${name}${i}`
}

/** Whether a name of ours says that the parameter takes words. */
export function isWordParameterName(name: string): boolean {
  return name === 'name' || name.endsWith('Name')
}

/** Letters and digits of `word` in camel case, at most 40 characters. */
function camel(word: string): string {
  let out = ''
  let upper = false
  for (const char of word) {
    const code = char.charCodeAt(0)
    const letter = (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a)
    if (!letter && !(code >= 0x30 && code <= 0x39 && out !== '')) {
      upper = out !== ''
      continue
    }
    out += upper ? char.toUpperCase() : out === '' ? char.toLowerCase() : char
    upper = false
    if (out.length >= 40) break
  }
  return out
}

function singular(word: string): string {
  if (word.length < 4 || !word.endsWith('s') || word.endsWith('ss') || word.endsWith('us') || word.endsWith('is')) {
    return word
  }
  if (word.endsWith('ies')) return `${word.slice(0, -3)}y`
  if (word.endsWith('sses') || word.endsWith('xes') || word.endsWith('ches') || word.endsWith('shes')) {
    return word.slice(0, -2)
  }
  return word.slice(0, -1)
}
