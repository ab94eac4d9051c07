/** A capture of the shop with both attacks in it: normal hours first, so that baselines exist. The same bytes for the same numbers. */

import type { BuiltFrame } from '@tapwarden/net/frame-builder'
import { linkTypeEthernet, writePcap } from '@tapwarden/pcap/pcap-writer'
import { Random } from '../random.js'
import { makeArrivals, partnerAddress, partnerRequestEveryMs } from '../range/arrivals.js'
import { framesOf } from '../range/frames.js'
import { type Conversation, simulateHistory } from '../range/history.js'
import {
  groupAddress,
  makeUsers,
  requestFields,
  scrapingVisit,
  stuffingVisit,
  type Visit,
} from '../range/population.js'
import { Shop } from '../range/shop.js'

export interface ShopCaptureOptions {
  readonly seed: number
  readonly minutes: number
}

export interface ShopCapture {
  readonly bytes: Uint8Array
  /** What `bytes` holds. */
  readonly frames: readonly BuiltFrame[]
  readonly packetCount: number
  /** User names, passwords, API keys and session ids in it. */
  readonly secrets: readonly string[]
  /** Requests, each of them answered. */
  readonly transactionCount: number
}

/** 2026-09-21T14:13:20Z. */
const startUs = 1_790_000_000_000_000
const server = { ip: '198.51.100.7', port: 8_080 }
const userCount = 300
const attackMinutes = 3
const stuffingAddressCount = 100
const stuffingAttemptsEach = 8
const stuffingEveryMs = 5_000
const scrapingRequestCount = 500
const scrapingFactor = 700

/** The attacks fill the last three of `minutes`. */
export function shopCapture({ seed, minutes }: ShopCaptureOptions): ShopCapture {
  const random = new Random(seed)
  const shop = new Shop(seed, userCount)
  const users = makeUsers(random.fork('users'), shop.accounts, userCount)
  const arrivals = makeArrivals(random.fork('arrivals'), users, shop.partners)
  const normal = simulateHistory({ shop, arrivals, startUs, durationUs: minutes * 60_000_000 })
  const attackAtUs = startUs + (minutes - attackMinutes) * 60_000_000
  const stuffing = Array.from({ length: stuffingAddressCount }, (_, index) => {
    const address = groupAddress(60, index)
    const visit = stuffingVisit(random.fork(address), address, shop.accounts, stuffingEveryMs, stuffingAttemptsEach)
    return alone(shop, visit, attackAtUs + random.below(60_000_000), 30_000 + index)
  })
  const [partner] = shop.partners
  if (partner === undefined) throw new Error('the shop has a partner')
  const meanMs = partnerRequestEveryMs / scrapingFactor
  const scraper = scrapingVisit(random.fork('scraper'), partner, partnerAddress(0), meanMs, scrapingRequestCount)
  const conversations = [...normal, ...stuffing, alone(shop, scraper, attackAtUs + 100_000_000, 40_000)]
  const frames = framesOf(conversations, server)
  return {
    bytes: writePcap(frames, { linkType: linkTypeEthernet }),
    frames,
    packetCount: frames.length,
    secrets: secretsOf(shop, conversations),
    transactionCount: conversations.reduce((sum, { messages }) => sum + messages.length / 2, 0),
  }
}

function secretsOf(shop: Shop, conversations: readonly Conversation[]): string[] {
  const secrets = new Set(shop.accounts.flatMap(({ userName, password }) => [userName, password]))
  for (const { apiKey } of shop.partners) secrets.add(apiKey)
  for (const { messages } of conversations) {
    for (const { bytes } of messages) {
      const text = Buffer.from(bytes).toString('latin1')
      for (const [, typed, session] of text.matchAll(/"(?:username|password)":"([^"]+)"|sid=([0-9a-f]+)/g)) {
        secrets.add(typed ?? session ?? '')
      }
    }
  }
  return [...secrets]
}

/** A visit whose answers nobody else's requests change. */
function alone(shop: Shop, visit: Visit, startAtUs: number, clientPort: number): Conversation {
  const messages: Conversation['messages'][number][] = []
  let atUs = startAtUs
  let step = visit.next(undefined)
  while (step !== undefined) {
    atUs += Math.round(step.afterMs * 1_000)
    const content = step.content ?? ''
    const fields = requestFields(visit.program, { apiKey: visit.apiKey, content: step.content })
    const lowerCase = Object.fromEntries(fields.map(([name, value]) => [name.toLowerCase(), value]))
    const answer = shop.handle({ method: step.method, target: step.target, fields: lowerCase, content })
    const answerFields = [...answer.fields, ['Content-Length', String(Buffer.byteLength(answer.content))] as const]
    messages.push(
      { from: 'client', atUs, bytes: message(`${step.method} ${step.target} HTTP/1.1`, fields, content) },
      {
        from: 'server',
        atUs: atUs + 2_000,
        bytes: message(`HTTP/1.1 ${answer.status} X`, answerFields, answer.content),
      },
    )
    atUs += 2_000
    step = visit.next(answer)
  }
  return { clientIp: visit.address, clientPort, messages }
}

function message(start: string, fields: readonly (readonly [string, string])[], content: string): Uint8Array {
  return Buffer.from(`${start}\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${content}`)
}
