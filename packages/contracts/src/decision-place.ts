/**
 * What a decision's `where` means: one reading of it for whoever enforces a decision and whoever measures its effect.
 * A member that is absent means anywhere. `{…}` in a template stands for one or more characters of one segment.
 */

import type { Decision } from './decision.js'

export type Place = Decision['where']

/** A request as far as a place looks at it. `host` lower case, with its port where the client gave one; `path` without query. */
export interface PlacedRequest {
  readonly host: string
  readonly method: string
  readonly path: string
}

export function placeHolds(place: Place, request: PlacedRequest): boolean {
  return (
    (place.host === undefined || place.host === request.host) &&
    (place.method === undefined || place.method === request.method) &&
    (place.pathTemplate === undefined || pathHolds(place.pathTemplate, request.path))
  )
}

/** More members, then the longer template: of two places that hold for a request, the one that says more. */
export function comparePlaces(a: Place, b: Place): number {
  const saysMore = memberCount(b) - memberCount(a)
  if (saysMore !== 0) return saysMore
  return literalLength(b.pathTemplate ?? '') - literalLength(a.pathTemplate ?? '')
}

/** One text for one place. Members cannot hold a space, so nothing but the same place gives the same key. */
export function placeKey(place: Place): string {
  return `${place.host ?? '*'} ${place.method ?? '*'} ${place.pathTemplate ?? '*'}`
}

export function pathHolds(template: string, path: string): boolean {
  if (!template.includes('{')) return template === path
  const wanted = template.split('/')
  const given = path.split('/')
  return wanted.length === given.length && wanted.every((segment, index) => segmentHolds(segment, given[index] ?? ''))
}

function segmentHolds(template: string, segment: string): boolean {
  const open = template.indexOf('{')
  if (open < 0) return template === segment
  const parts = literalsOf(template)
  const first = parts[0] ?? ''
  const last = parts[parts.length - 1] ?? ''
  if (!segment.startsWith(first)) return false
  let at = first.length
  // Each literal at its first place behind at least one character: leftmost is enough, since `{…}` takes anything.
  for (let index = 1; index < parts.length - 1; index++) {
    const literal = parts[index]! // In range by the loop condition.
    const found = segment.indexOf(literal, at + 1)
    if (found < 0) return false
    at = found + literal.length
  }
  return segment.length >= at + 1 + last.length && segment.endsWith(last)
}

/** The literals around the parameters of one segment: `a{x}b` → `a`, `b`. */
function literalsOf(template: string): string[] {
  return template.split(/\{[^}]*\}/)
}

function memberCount(place: Place): number {
  return (
    Number(place.host !== undefined) + Number(place.method !== undefined) + Number(place.pathTemplate !== undefined)
  )
}

function literalLength(template: string): number {
  return literalsOf(template).join('').length
}
