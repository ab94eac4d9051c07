/** Scraping under simulated benign traffic: delay in requests, and findings that benign clients cause. Figures: README of packages/detection. */

import { describe, expect, it } from 'vitest'
import { Random } from '../random.js'
import { inTimeOrder } from './login-traffic.js'
import { meanOfPeak, partnerKey, partnerRequests, scrape } from './partner-traffic.js'
import { runDetectors } from './run-detectors.js'

const hourS = 3_600
const dayS = 24 * hourS
const ratePerS = 0.2
const nightlySync = (atS: number) => (atS % dayS < 900 ? 20 : 1)
const flashSaleAndSync = (atS: number) =>
  atS > 9 * dayS + 14 * hourS && atS < 9 * dayS + 16 * hourS ? 3 : nightlySync(atS)
const asUsual = () => 1

describe('requests until the finding', () => {
  it.each([
    [hourS, 700, asUsual, 20, 'an hour of history is enough'],
    [hourS, 100, asUsual, 25, ''],
    [34 * hourS, 700, nightlySync, 20, 'one sync seen'],
    [9 * dayS + 10 * hourS, 700, nightlySync, 20, 'a baseline that knows its week'],
    [9 * dayS + 10 * hourS, 100, nightlySync, 25, ''],
  ])('%d s of history, %d times the mean', (historyS, times, pattern, limit, _why) => {
    for (const seed of [1, 2, 3]) {
      const random = new Random(seed)
      const benign = partnerRequests(random, {
        fromS: 0,
        toS: historyS,
        rate: ratePerS,
        key: partnerKey,
        truth: 'benign',
        times: pattern,
      })
      const attack = scrape(random, historyS, historyS + 60, times * ratePerS * meanOfPeak)
      const score = runDetectors(inTimeOrder(benign, attack))
      expect(score.attackEventsToAlarm).toBeLessThanOrEqual(limit)
      expect(score.findings.size).toBe(1)
      const [finding] = score.findings.values()
      expect(finding?.threat).toBe('OAT-011')
      expect(finding?.subject.actors).toEqual([{ kind: 'access-token', value: partnerKey }])
      expect(finding?.subject.endpoint?.pathTemplate).toBe('/v1/stores/{storeId}/inventory')
    }
  })
})

it.each([
  [1, 'a steady client'],
  [20, 'a client that sends twenty requests at once'],
])('no finding in 11 days of nightly syncs of 20 times and a flash sale of 3 times, %d at once: %s', (batch, _why) => {
  const benign = partnerRequests(new Random(77), {
    fromS: 0,
    toS: 11 * dayS,
    rate: ratePerS,
    key: partnerKey,
    truth: 'benign',
    batch,
    times: flashSaleAndSync,
  })
  expect(benign.length).toBeGreaterThan(100_000)
  expect([...runDetectors(benign).findings.values()]).toEqual([])
})

it('a finding closes when the rate is back, and the edge’s own refusals do not keep it open', () => {
  const random = new Random(5)
  const traffic = { rate: ratePerS, key: partnerKey, truth: 'benign', times: asUsual } as const
  const benign = partnerRequests(random, { ...traffic, fromS: 0, toS: 3 * hourS })
  const attack = scrape(random, hourS, hourS + 30, 100)
  const refused = scrape(random, hourS + 30, 2 * hourS, 10).map((event) => ({
    ...event,
    status: 403,
    edgeDecisionId: 'd-0123456789abcdef',
  }))
  const [finding, ...more] = runDetectors(inTimeOrder(benign, attack, refused)).findings.values()
  expect(more).toEqual([])
  expect(finding?.state).toBe('closed')
  expect((finding?.lastSeenUs ?? 0) - (finding?.firstSeenUs ?? 0)).toBeLessThan(10 * 60 * 1e6)
})
