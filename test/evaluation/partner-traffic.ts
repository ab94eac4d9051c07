/** An API key's requests: a diurnal Poisson process with bursts (gamma-modulated every five minutes), times a factor. */

import type { Random } from '../random.js'
import type { Event } from './event.js'

export interface PartnerTraffic {
  readonly fromS: number
  readonly toS: number
  /** Requests a second at the busiest time of an ordinary day. */
  readonly rate: number
  readonly key: string
  readonly truth: Event['truth']
  readonly times: (atS: number) => number
  /** Requests sent together; one unless the client batches. */
  readonly batch?: number
}

/** Mean of the day's curve below. */
export const meanOfPeak = 0.59

const burstS = 300

export function partnerRequests(random: Random, options: PartnerTraffic): Event[] {
  const events: Event[] = []
  let burst = 1
  let burstEndS = options.fromS
  for (let atS = options.fromS; ; ) {
    if (atS >= burstEndS) {
      burst = random.gamma(4)
      burstEndS = (Math.floor(atS / burstS) + 1) * burstS
    }
    const next =
      atS + random.exponential(1 / ((options.rate / (options.batch ?? 1)) * diurnal(atS) * options.times(atS) * burst))
    if (next > burstEndS) {
      atS = burstEndS
      continue
    }
    atS = next
    if (atS >= options.toS) return events
    for (let i = 0; i < (options.batch ?? 1); i++) {
      events.push({
        atS: atS + i * 0.01,
        truth: options.truth,
        address: '192.0.2.10',
        fingerprint: 99,
        kind: 'partner',
        status: 200,
        accessToken: options.key,
      })
    }
  }
}

function diurnal(atS: number): number {
  return 0.4 + 0.6 * Math.max(0, Math.sin(2 * Math.PI * ((atS % 86_400) / 86_400 - 0.25)))
}

export const partnerKey = `a1.${'5'.repeat(32)}`

/** The attack: a steady multiple of the client's mean rate. */
export function scrape(random: Random, fromS: number, toS: number, ratePerS: number): Event[] {
  const events: Event[] = []
  for (let atS = fromS; ; ) {
    atS += random.exponential(1 / ratePerS)
    if (atS >= toS) return events
    events.push({
      atS,
      truth: 'attack',
      address: '192.0.2.10',
      fingerprint: 99,
      kind: 'partner',
      status: 200,
      accessToken: partnerKey,
    })
  }
}
