/** Endpoint ids: a hash of host, method and template, so that every instance and every run gives the same one. */

import { createHash } from 'node:crypto'

/** Stands for whatever did not fit under a host's limits. Never a path: real ones start with a slash. */
export const otherTemplate = '{other}'

/** 16 hex digits. Parameter names do not count: a better name later leaves the id as it is. The template of a literal path is the path. */
export function endpointId(host: string, method: string, pathTemplate: string): string {
  return createHash('sha256')
    .update(`${host}\n${method}\n${pathTemplate === otherTemplate ? pathTemplate : eraseNames(pathTemplate)}`)
    .digest('hex')
    .slice(0, 16)
}

/** `/users/{userId}.json` → `/users/{}.json`. */
export function eraseNames(pathTemplate: string): string {
  let open = pathTemplate.indexOf('{')
  if (open < 0) return pathTemplate
  let out = ''
  let from = 0
  while (open >= 0) {
    const close = pathTemplate.indexOf('}', open)
    if (close < 0) break
    out += `${pathTemplate.slice(from, open)}{}`
    from = close + 1
    open = pathTemplate.indexOf('{', from)
  }
  return out + pathTemplate.slice(from)
}
