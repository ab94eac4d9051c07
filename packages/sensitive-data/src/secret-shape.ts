/**
 * Which texts are too likely a secret to be published in clear: path segments, property names, words of a user agent.
 *
 * Either a recogniser fires, or the text has entropy: adjacent letters are mostly not those of words. Words of many languages are made of
 * a few hundred letter pairs (about nine in ten pairs of English text are in the table below), random text is not (about one in four).
 * Changes between letter and digit, and from lower to upper case, count as unusual; pairs of digits and whatever touches a separator say nothing. So
 * `how-to-build-a-rest-api` and `address1Line2Text` stay in clear, `kT9vQ2xLm4Zp`, base64, hex digests and UUIDs do not.
 *
 * A doubtful text is hidden: a word that becomes a token costs a reader a name, a secret in clear costs the user.
 */

import { byteClasses, classesOf, DIGIT, isDigit, LOWER, UPPER } from './byte-class.js'
import { findCard } from './card.js'
import { sensitiveTypeOf } from './recognizers.js'

/** Letters and digits below which text has too little entropy to be told from an abbreviation. */
const randomMinCharacterCount = 12
const hexMinCharacterCount = 16
const digitsMinCharacterCount = 20
/** Pairs that are not of words, below which an abbreviation is the likelier reading. */
const unusualPairMinCount = 4

const usualPairs =
  'th he in er an re on at en nd ti es or te of ed is it al ar st to nt ng se ha as ou io le ve co me de hi ri ro ic ne ea ra ce li ch ll be ' +
  'ma si om ur ca el ta la ns di fo ho pe ec pr no ct us ac ot il tr ly nc et ut ss so rs un lo wa ge ie wh ee wi em ad ol rt po we na ul ni ' +
  'ts mo ow pa im mi ai sh ir su id os iv ia am fi ci vi pl ig tu ev ld ry mp fe bl ab gh ty op wo sa ay ex ke fr oo av ag if ap gr od bo sp ' +
  'rd do uc bu ei ov by rm ep tt oc fa ef cu rn sc gi da yo cr cl du ga qu ue ff ba ey ls va um pp ua up lu go ht ru ug ds lt pi rc rr eg au ' +
  'ck ew mu br bi pt ak pu ui rg ib tl ny ki rk ys ob mm fu ph og ms ye ud mb ip ub oi rl gu dr hr cc tw ft wn nu af hu nn eo vo rv nf xp gn ' +
  'sm fl iz ok nl my gl aw ju oa eq sy sl ps jo lf nv je nk kn gs dy hy ze ks xt bs ik dd pl oy dl sk rp pc ws nm ja xi vp rs lp lk tc cs fs ' +
  'db io js ap az za zo zi yp sq ql xm ml tp jp pn'
const isUsualPair = buildPairTable()

/** Whether `bytes[from, to)`, already percent-decoded, must not be published in clear. Allocates nothing. */
export function isSecretShape(
  bytes: Uint8Array,
  from: number,
  to: number,
  classes: number = classesOf(bytes, from, to),
): boolean {
  if (sensitiveTypeOf(bytes, from, to, classes) !== undefined) return true
  if (to - from < randomMinCharacterCount) return false
  if ((classes & DIGIT) !== 0 && findCard(bytes, from, to, true) >= 0) return true
  return hasEntropy(bytes, from, to)
}

/** The statistic over the whole text, and over each part between separators: a secret may hide among words. */
function hasEntropy(bytes: Uint8Array, from: number, to: number): boolean {
  let partCount = 0
  let partUsual = 0
  let partUnusual = 0
  let partDigits = 0
  let partHex = 0
  let count = 0
  let usual = 0
  let unusual = 0
  let hexCount = 0
  let digitCount = 0
  let previous = 0
  let previousKind = 0
  for (let i = from; i <= to; i++) {
    const byte = i < to ? bytes[i]! : 0 // Separator behind the last.
    const kind = byteClasses[byte]! & (DIGIT | LOWER | UPPER) // A table of 256.
    if (kind === 0) {
      if (isRandom(partCount, partUsual, partUnusual, partDigits, partHex)) return true
      count += partCount
      usual += partUsual
      unusual += partUnusual
      digitCount += partDigits
      hexCount += partHex
      partCount = partUsual = partUnusual = partDigits = partHex = 0
      previous = 0
      continue
    }
    partCount++
    const letter = kind === DIGIT ? 0x30 : byte | 0x20
    if (kind === DIGIT) partDigits++
    if (kind === DIGIT || (letter >= 0x61 && letter <= 0x66)) partHex++
    if (previous !== 0 && !(letter === 0x30 && previous === 0x30)) {
      const hump = kind === UPPER && previousKind === LOWER
      if (letter !== 0x30 && previous !== 0x30 && !hump && isUsualPair[(previous - 0x61) * 26 + letter - 0x61] === 1)
        partUsual++
      else partUnusual++
    }
    previous = letter
    previousKind = kind
  }
  return isRandom(count, usual, unusual, digitCount, hexCount)
}

function isRandom(count: number, usual: number, unusual: number, digits: number, hex: number): boolean {
  if (count < randomMinCharacterCount) return false
  if (digits === count) return count >= digitsMinCharacterCount
  if (hex === count && digits > 0) return count >= hexMinCharacterCount || unusual >= unusualPairMinCount
  return unusual >= unusualPairMinCount && usual * 2 <= unusual * 3
}

function buildPairTable(): Uint8Array {
  const table = new Uint8Array(26 * 26)
  for (const pair of usualPairs.split(' ')) table[(pair.charCodeAt(0) - 0x61) * 26 + pair.charCodeAt(1) - 0x61] = 1
  return table
}

/** Whether a text consists of digits only; false for the empty text. */
export function isAllDigits(bytes: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (!isDigit(bytes[i])) return false
  return to > from
}
