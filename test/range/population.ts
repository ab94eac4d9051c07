/**
 * Who uses the shop and how: benign users with their client programs, partners with their keys, and the two attackers. Each is
 * a script of requests with pauses, drawn from a seed; `clients.ts` plays it live, `history.ts` writes it as an hour of packets.
 */

import type { Random } from '../random.js'
import type { Account, Partner, ShopResponse } from './shop.js'

/** Field names in wire order with their values; `HOST`, `COOKIE`, `TYPE`, `LENGTH` and `KEY` are filled in or left out. */
export interface ClientProgram {
  readonly name: string
  /** Share of benign users. */
  readonly share: number
  readonly fields: readonly (readonly [string, string])[]
}

const iosFields = [
  ['Host', 'HOST'],
  ['Content-Type', 'TYPE'],
  ['Cookie', 'COOKIE'],
  ['Accept', 'application/json'],
  ['User-Agent', 'ShopApp/4.2.1 (iPhone; iOS 19.1; Scale/3.00)'],
  ['Accept-Language', 'en-GB;q=1.0'],
  ['Accept-Encoding', 'identity'],
  ['Content-Length', 'LENGTH'],
  ['Connection', 'keep-alive'],
] as const
const androidFields = [
  ['User-Agent', 'okhttp/4.12.0'],
  ['Accept', 'application/json'],
  ['X-App-Version', '4.2.0'],
  ['Content-Type', 'TYPE'],
  ['Content-Length', 'LENGTH'],
  ['Host', 'HOST'],
  ['Connection', 'Keep-Alive'],
  ['Accept-Encoding', 'identity'],
  ['Cookie', 'COOKIE'],
] as const
const chromeFields = [
  ['Host', 'HOST'],
  ['Connection', 'keep-alive'],
  ['Content-Length', 'LENGTH'],
  ['sec-ch-ua-platform', '"Windows"'],
  [
    'User-Agent',
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36',
  ],
  ['Content-Type', 'TYPE'],
  ['Accept', 'application/json, text/plain, */*'],
  ['Sec-Fetch-Mode', 'cors'],
  ['Accept-Encoding', 'identity'],
  ['Accept-Language', 'de-DE,de;q=0.9,en;q=0.8'],
  ['Cookie', 'COOKIE'],
] as const
const firefoxFields = [
  ['Host', 'HOST'],
  ['User-Agent', 'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0'],
  ['Accept', 'application/json'],
  ['Accept-Language', 'fr,en;q=0.5'],
  ['Accept-Encoding', 'identity'],
  ['Content-Type', 'TYPE'],
  ['Content-Length', 'LENGTH'],
  ['Connection', 'keep-alive'],
  ['Cookie', 'COOKIE'],
] as const
const partnerFields = [
  ['Host', 'HOST'],
  ['User-Agent', 'python-requests/2.32.3'],
  ['Accept-Encoding', 'identity'],
  ['Accept', '*/*'],
  ['Connection', 'keep-alive'],
  ['X-Api-Key', 'KEY'],
] as const

/** The first is the commonest: the stuffing attack hides under it. */
export const clientPrograms: readonly ClientProgram[] = [
  { name: 'iOS app', share: 0.45, fields: iosFields },
  { name: 'Android app', share: 0.3, fields: androidFields },
  { name: 'Chrome', share: 0.15, fields: chromeFields },
  { name: 'Firefox', share: 0.1, fields: firefoxFields },
]
export const partnerProgram: ClientProgram = { name: 'partner sync', share: 0, fields: partnerFields }

export const shopHost = 'shop.example'
export const loginTarget = '/api/v1/login'

export interface Step {
  /** Pause before it, ms. */
  readonly afterMs: number
  readonly method: string
  readonly target: string
  readonly content?: string
}

/** One visitor's conversation: the next step in view of the last answer, or undefined when done. */
export interface Visit {
  readonly kind: 'benign' | 'partner' | 'stuffing' | 'scraping'
  readonly address: string
  readonly program: ClientProgram
  readonly apiKey?: string
  /** A tool that keeps its pace whatever the answers take, over several connections; its `next` never looks at them. */
  readonly keepsPace?: true
  next(last: ShopResponse | undefined): Step | undefined
}

/** A user: always the same address, program and account. */
export interface User {
  readonly address: string
  readonly program: ClientProgram
  readonly account: Account
}

const addressesPerSubnet = 250

/** Loopback addresses of a group: `127.GROUP.x.y`. */
export function groupAddress(group: number, index: number): string {
  return `127.${group}.${1 + Math.floor(index / addressesPerSubnet)}.${1 + (index % addressesPerSubnet)}`
}

export function makeUsers(random: Random, accounts: readonly Account[], count: number): User[] {
  return Array.from({ length: count }, (_, index) => {
    const program = pickProgram(random)
    // Every twelfth user shares the address of the one before: a household or an office.
    const addressIndex = index % 12 === 11 ? index - 1 : index
    return { address: groupAddress(20, addressIndex), program, account: accounts[index] as Account }
  })
}

function pickProgram(random: Random): ClientProgram {
  let draw = random.next()
  for (const program of clientPrograms) {
    draw -= program.share
    if (draw < 0) return program
  }
  return clientPrograms[0] as ClientProgram
}

const mistypeProbability = 0.08
const thinkTimeMs = 900

/** A user's visit: login (sometimes mistyped), browsing, sometimes an order. */
export function benignVisit(random: Random, user: User): Visit {
  const { userName, password } = user.account
  const login = (text: string): Step => ({
    afterMs: random.exponential(thinkTimeMs),
    method: 'POST',
    target: loginTarget,
    content: JSON.stringify({ username: userName, password: text }),
  })
  let stepsLeft = 2 + random.below(6)
  let loggedIn = false
  let attempts = 0
  return {
    kind: 'benign',
    address: user.address,
    program: user.program,
    next: (last) => {
      if (!loggedIn) {
        if (attempts > 0 && last?.status === 200) loggedIn = true
        else if (attempts === 4) return undefined
        else return login(attempts++ < 3 && random.chance(mistypeProbability) ? `${password.slice(0, -1)}x` : password)
      }
      if (stepsLeft-- <= 0) return undefined
      return { afterMs: random.exponential(thinkTimeMs), ...browse(random, last) }
    },
  }
}

function browse(random: Random, last: ShopResponse | undefined): Omit<Step, 'afterMs'> {
  if (last?.status === 201) {
    const { orderId } = JSON.parse(last.content) as { orderId: number }
    return { method: 'GET', target: `/api/v1/orders/${orderId}` }
  }
  const draw = random.next()
  if (draw < 0.3) return { method: 'GET', target: `/api/v1/products?page=${1 + random.below(40)}` }
  if (draw < 0.7) return { method: 'GET', target: `/api/v1/products/${1 + random.below(4_500)}` }
  if (draw < 0.85) return { method: 'GET', target: '/api/v1/users/me' }
  const items = [{ productId: 1 + random.below(4_500), quantity: 1 + random.below(3) }]
  return { method: 'POST', target: '/api/v1/orders', content: JSON.stringify({ items }) }
}

/** A partner's regular sync: one store's inventory every `meanMs`, for `count` requests. */
export function partnerVisit(random: Random, partner: Partner, address: string, meanMs: number, count: number): Visit {
  return inventoryVisit('partner', random, partner, address, meanMs, count)
}

/** The same key at `rateFactor` times its rate. */
export function scrapingVisit(random: Random, partner: Partner, address: string, meanMs: number, count: number): Visit {
  return inventoryVisit('scraping', random, partner, address, meanMs, count)
}

function inventoryVisit(
  kind: Visit['kind'],
  random: Random,
  partner: Partner,
  address: string,
  meanMs: number,
  count: number,
): Visit {
  let left = count
  return {
    kind,
    address,
    program: partnerProgram,
    apiKey: partner.apiKey,
    ...(kind === 'scraping' ? { keepsPace: true } : {}),
    next: () => {
      if (left-- <= 0) return undefined
      const target = `/partner/v1/stores/${100 + random.below(800)}/inventory`
      return { afterMs: random.exponential(meanMs), method: 'GET', target }
    },
  }
}

/**
 * One stuffing address: pairs from a list leaked elsewhere, one account each, under the commonest benign client program.
 * Two in a hundred pairs fit an account of the shop.
 */
export function stuffingVisit(
  random: Random,
  address: string,
  accounts: readonly Account[],
  meanMs: number,
  count: number,
): Visit {
  let left = count
  return {
    kind: 'stuffing',
    address,
    program: clientPrograms[0] as ClientProgram,
    next: () => {
      if (left-- <= 0) return undefined
      const hit = random.chance(0.02) ? random.pick(accounts) : undefined
      const username = hit?.userName ?? `${random.hex(8)}@leak.example`
      const password = hit?.password ?? random.hex(10)
      const content = JSON.stringify({ username, password })
      // A tool's pace is steadier than a person's.
      return { afterMs: meanMs * (0.5 + random.next()), method: 'POST', target: loginTarget, content }
    },
  }
}

/** The fields of a request in the program's order, ready for the wire. */
export function requestFields(
  program: ClientProgram,
  values: {
    readonly cookie?: string | undefined
    readonly apiKey?: string | undefined
    readonly content?: string | undefined
  },
): [string, string][] {
  const fields: [string, string][] = []
  for (const [name, value] of program.fields) {
    if (value === 'HOST') fields.push([name, shopHost])
    else if (value === 'COOKIE') values.cookie !== undefined && fields.push([name, values.cookie])
    else if (value === 'KEY') values.apiKey !== undefined && fields.push([name, values.apiKey])
    else if (value === 'TYPE') values.content !== undefined && fields.push([name, 'application/json'])
    else if (value === 'LENGTH')
      values.content !== undefined && fields.push([name, String(Buffer.byteLength(values.content))])
    else fields.push([name, value])
  }
  return fields
}

/** The session cookie that an answer sets, to send with the next request. */
export function cookieFrom(response: ShopResponse): string | undefined {
  const value = response.fields.find(([name]) => name.toLowerCase() === 'set-cookie')?.[1]
  return value?.split(';')[0]
}
