/**
 * One path segment → what its characters alone say: a word of the route, or a value with the shape of an id.
 *
 * Strongest evidence there is, and needs one sample; so it must be sure. Whatever a person may have typed as part of a route is a
 * `word` here, and the statistics of siblings decide (path-template.ts). No regular expressions: one scan over the characters.
 */

export type SegmentKind =
  | 'word'
  | 'version'
  | 'integer'
  | 'number'
  | 'uuid'
  | 'hex'
  | 'date'
  | 'date-time'
  | 'email'
  | 'ipv4'
  | 'token'
  | 'prefixed-id'
  | 'random'
  | 'text'

export interface SegmentShape {
  readonly kind: SegmentKind
  /** What follows the value inside the segment: `.json`, `:cancel`; mostly empty. */
  readonly suffix: string
}

const extensions = new Set(
  'json xml csv html txt pdf js rss atom ics jpg jpeg png gif svg webp md yml yaml zip gz tar ndjson geojson'.split(
    ' ',
  ),
)
/** What stands behind a colon in names of images rather than as a verb. */
const imageTags = new Set([':latest', ':stable', ':edge', ':alpine', ':slim'])
const word: SegmentShape = { kind: 'word', suffix: '' }
const segmentScanMaxCount = 512

/** True for the kinds that are a value whatever stands beside them. */
export function isIdKind(kind: SegmentKind): boolean {
  return kind !== 'word' && kind !== 'version'
}

/**
 * `segment` is percent-decoded where that is safe (normalize-path.ts). A word with a known extension or with a verb after a colon has
 * that as its suffix too: it is compared with those of the same suffix only.
 */
export function segmentShape(segment: string): SegmentShape {
  if (segment.length === 0) return word
  if (segment.charCodeAt(0) === 0x7e) return { kind: 'token', suffix: '' }
  const at = suffixStart(segment)
  if (at > 0) {
    const core = coreKind(segment.slice(0, at))
    const suffix = segment.slice(at)
    // `image:latest` is one value; a verb behind a word is told by its siblings.
    if (isIdKind(core) || !imageTags.has(suffix)) return { kind: core === 'version' ? 'word' : core, suffix }
  }
  const whole = coreKind(segment)
  return whole === 'word' ? word : { kind: whole, suffix: '' }
}

/** Index of `.ext` or `:verb`, or -1. */
function suffixStart(segment: string): number {
  const colon = segment.lastIndexOf(':')
  if (colon > 0 && isVerb(segment, colon + 1)) return colon
  const dot = segment.lastIndexOf('.')
  if (dot > 0 && extensions.has(segment.slice(dot + 1).toLowerCase())) return dot
  return -1
}

/** A route's verb: a letter first, lower-case camel or kebab, at most 40 letters, no digits (`postgres:16` has no verb, `image:latest` may). */
function isVerb(segment: string, from: number): boolean {
  if (segment.length - from < 3 || segment.length - from > 40) return false
  for (let i = from; i < segment.length; i++) {
    const code = segment.charCodeAt(i)
    if (!(isLower(code) || (i > from && (isUpper(code) || code === 0x2d || code === 0x5f)))) return false
  }
  return true
}

interface Census {
  digits: number
  lowers: number
  uppers: number
  /** Letters a–f in either case. */
  hexLetters: number
  dashes: number
  underscores: number
  dots: number
  /** Characters that routes do not use: space, `@`, `,`, `+`, `%`, `(`, anything beyond ASCII … */
  odd: number
  /** Changes between letters and digits, and from upper to lower or back inside a word unless camel case does it. */
  turns: number
  longestLetters: number
}

function census(segment: string): Census {
  const c: Census = {
    digits: 0,
    lowers: 0,
    uppers: 0,
    hexLetters: 0,
    dashes: 0,
    underscores: 0,
    dots: 0,
    odd: 0,
    turns: 0,
    longestLetters: 0,
  }
  let before = 0
  let letters = 0
  const end = Math.min(segment.length, segmentScanMaxCount)
  for (let i = 0; i < end; i++) {
    const code = segment.charCodeAt(i)
    let now = 0
    if (isDigit(code)) {
      c.digits++
      now = 1
    } else if (isLower(code)) {
      c.lowers++
      now = 2
      if (code <= 0x66) c.hexLetters++
    } else if (isUpper(code)) {
      c.uppers++
      now = 3
      if (code <= 0x46) c.hexLetters++
    } else if (code === 0x2d) c.dashes++
    else if (code === 0x5f) c.underscores++
    else if (code === 0x2e) c.dots++
    else if (code !== 0x3a && code !== 0x24 && code !== 0x7e) c.odd++
    letters = now >= 2 ? letters + 1 : 0
    if (letters > c.longestLetters) c.longestLetters = letters
    if (before !== 0 && now !== 0 && now !== before && (now === 1 || before === 1 || (before === 2 && now === 3)))
      c.turns++
    before = now
  }
  return c
}

function coreKind(segment: string): SegmentKind {
  const c = census(segment)
  const length = segment.length
  if (c.digits === length) return 'integer'
  if (isVersion(segment)) return 'version'
  if (c.odd > 0) return oddKind(segment, c)
  if (c.digits === 0 && c.uppers === 0) return 'word'
  const letters = c.lowers + c.uppers
  if (length === 36 && c.dashes === 4 && c.digits + c.hexLetters === 32) return 'uuid'
  if (c.dashes === 2 && c.digits === 8 && length === 10 && segment[4] === '-') return 'date'
  if (c.digits >= 8 && c.dashes >= 2 && letters <= 2 && segment[4] === '-' && length >= 16) return 'date-time'
  if (c.dots === 3 && c.digits === length - 3) return 'ipv4'
  if (c.digits > 0 && c.digits + c.dots + c.dashes === length) return 'number'
  if (c.digits + c.hexLetters === length && length >= 8 && c.digits >= 2 && c.turns >= 2) return 'hex'
  if (isPrefixedId(segment)) return 'prefixed-id'
  if (isRandom(segment, c)) return 'random'
  if (length > 80) return 'random'
  return 'word'
}

/** A character that no route uses: e-mail, coordinates, titles, paths in a segment. All are values. */
function oddKind(segment: string, c: Census): SegmentKind {
  // `@me`, `@original`: routes of their own, or names that siblings tell.
  if (segment.startsWith('@') && c.odd === 1 && c.digits === 0 && c.dots === 0) return 'word'
  const at = segment.indexOf('@')
  if (at > 0 && segment.indexOf('.', at) > 0) return 'email'
  if (c.digits > 8 && segment[4] === '-' && segment[10] === 'T') return 'date-time'
  return 'text'
}

/** `v1`, `V2`, `v1.2`, `v1beta1`, `1.0`, `2.0`: at most two numbers with a dot, or `v` and a number. */
function isVersion(segment: string): boolean {
  let i = segment[0] === 'v' || segment[0] === 'V' ? 1 : 0
  const marked = i === 1
  const start = i
  while (i < segment.length && isDigit(segment.charCodeAt(i))) i++
  if (i === start || i - start > 3) return false
  if (i === segment.length) return marked
  if (segment[i] === '.') {
    const minor = ++i
    while (i < segment.length && isDigit(segment.charCodeAt(i))) i++
    return i === segment.length && i > minor && i - minor <= 2
  }
  const rest = segment.slice(i)
  return marked && (rest.startsWith('alpha') || rest.startsWith('beta') || rest.startsWith('rc'))
}

/** `cus_Nf8aKq0zPq1`, `TEAM-…`, `sub_sched_…`: short letters, a separator, then at least 8 characters that no word is made of. */
function isPrefixedId(segment: string): boolean {
  const at = Math.max(segment.lastIndexOf('_'), segment.lastIndexOf('-'))
  if (at < 1 || segment.length - at - 1 < 8) return false
  const c = census(segment.slice(at + 1))
  return (
    c.digits + c.lowers + c.uppers === segment.length - at - 1 && (looksDrawn(c) || (c.digits >= 6 && c.turns <= 1))
  )
}

function looksDrawn(c: Census): boolean {
  return (c.digits >= 1 && c.turns >= 3) || (c.lowers > 0 && c.uppers > 0 && hasShortHumps(c))
}

/** Letters change case faster than camel case does: words have more than two letters on average. */
function hasShortHumps(c: Census): boolean {
  return c.lowers + c.uppers < 2.3 * (c.turns + 1)
}

function isRandom(segment: string, c: Census): boolean {
  const total = c.digits + c.lowers + c.uppers
  if (c.dots > 0 && c.longestLetters > 8) return false
  if (c.dashes + c.underscores > 0 && total < 20) return false
  if (total >= 7 && c.lowers === 0 && c.dashes + c.underscores === 0 && c.digits >= 1 && c.uppers >= 1) return true
  if (total >= 8 && c.turns >= 3 && c.digits >= 1 && c.longestLetters < 10 && c.longestLetters * 2 <= total + 2)
    return true
  if (total >= 8 && c.uppers >= 3 && c.lowers >= 2 && hasShortHumps(c) && c.dashes === 0) return true
  return total >= 20 && c.turns >= 5 && segment.length >= 20
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39
}
function isLower(code: number): boolean {
  return code >= 0x61 && code <= 0x7a
}
function isUpper(code: number): boolean {
  return code >= 0x41 && code <= 0x5a
}
