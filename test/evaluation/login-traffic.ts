/**
 * Benign and hostile logins, labelled. The benign side is over-dispersed on purpose: some people mistype often, some share a NAT,
 * mornings are busy, and services fail.
 */

import { type Random, zipfShares } from '../random.js'
import type { Event } from './event.js'

export interface BenignLogins {
  readonly fromS: number
  readonly toS: number
  /** Sign-ins a second, each of one to four attempts. */
  readonly rate: number
  readonly users: number
  readonly fingerprints: number
  /** Rate over time, relative. */
  readonly shape?: (atS: number) => number
  /** While true, the service answers 401, or 5xx, to everybody. */
  readonly outage?: (atS: number) => 'unauthorized' | 'unavailable' | undefined
}

/** One in ten users sits in an office of fifty behind one address; one in ten sign-ins comes from an address never seen before. */
export function benignLogins(random: Random, options: BenignLogins): Event[] {
  const shares = zipfShares(options.fingerprints)
  const events: Event[] = []
  let visitors = 0
  for (let atS = options.fromS; ; ) {
    atS += random.exponential(1 / options.rate)
    if (atS >= options.toS) break
    if (options.shape !== undefined && !random.chance(options.shape(atS))) continue
    const user = random.below(options.users)
    const office = user % 10 === 0
    const address = office
      ? `10.1.${Math.floor(user / 500)}.1`
      : random.chance(0.1)
        ? `172.${16 + (++visitors >> 16)}.${(visitors >> 8) & 255}.${visitors & 255}`
        : `10.2.${(user >> 8) & 255}.${user & 255}`
    // A user keeps to one program: users, not sign-ins, follow the fingerprints' shares.
    const fingerprint = fingerprintOf(user, shares)
    signIn(random, events, { atS, user, address, fingerprint, outage: options.outage })
  }
  return events
}

function fingerprintOf(user: number, shares: readonly number[]): number {
  const point = ((user * 2_654_435_761) >>> 0) / 4_294_967_296
  let index = 0
  while (index < shares.length - 1 && shares[index]! < point) index++ // In range by the first condition.
  return index
}

interface SignIn {
  readonly atS: number
  readonly user: number
  readonly address: string
  readonly fingerprint: number
  readonly outage: BenignLogins['outage'] | undefined
}

/** Mistypes until it works; about 8 % of people's first attempts fail, and 1 in 30 fails at a second account of theirs first. */
function signIn(random: Random, events: Event[], { atS, user, address, fingerprint, outage }: SignIn): void {
  const mistypes = random.chance(0.9) ? 0.05 : 0.35
  const base = { truth: 'benign', address, fingerprint, kind: 'login' } as const
  let at = atS
  for (let attempt = 0; attempt < 5; attempt++) {
    const trouble = outage?.(at)
    if (trouble !== undefined) {
      events.push({ ...base, atS: at, status: trouble === 'unauthorized' ? 401 : 503, user, password: `own${user}` })
      at += 2 + random.next() * 20
      continue
    }
    if (attempt < 4 && random.chance(mistypes)) {
      const other = random.chance(0.03) ? `other${user}` : user
      events.push({ ...base, atS: at, status: 401, user: other, password: `typo${random.next()}` })
      at += 3 + random.next() * 10
      continue
    }
    events.push({ ...base, atS: at, status: 200, user, password: `own${user}` })
    const session = `${user}.${atS}`
    const pages = 1 + random.below(2)
    for (let page = 0; page < pages; page++) {
      at += 0.5 + random.next() * 5
      events.push({ ...base, kind: 'browse', atS: at, status: 200, session })
    }
    return
  }
}

export interface StuffingAttack {
  readonly fromS: number
  readonly toS: number
  readonly rate: number
  readonly addresses: number
  /** Undefined: rotated over all. */
  readonly fingerprint: number | undefined
  readonly fingerprints: number
  /** Share of the pairs that are right. */
  readonly hitRatio: number
}

/** Pairs of a list, each tried once, from one of the addresses in turn at random. */
export function stuffing(random: Random, options: StuffingAttack): Event[] {
  const events: Event[] = []
  for (let atS = options.fromS; ; ) {
    atS += random.exponential(1 / options.rate)
    if (atS >= options.toS) return events
    const index = random.below(options.addresses)
    const hit = random.chance(options.hitRatio)
    events.push({
      atS,
      truth: 'attack',
      address: `203.${index >> 16}.${(index >> 8) & 255}.${index & 255}`,
      fingerprint: options.fingerprint ?? random.below(options.fingerprints),
      kind: 'login',
      status: hit ? 200 : 401,
      user: `list${events.length}.${options.fromS}`,
      password: `leak${events.length}.${options.fromS}`,
    })
  }
}

export function inTimeOrder(...parts: readonly Event[][]): Event[] {
  return parts.flat().sort((a, b) => a.atS - b.atS)
}
