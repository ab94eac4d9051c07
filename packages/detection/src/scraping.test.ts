import { goldenTransaction, type HttpTransaction } from '@tapwarden/contracts/transaction'
import { expect, it } from 'vitest'
import { detectionConfigSchema } from './detection-config.js'
import type { FindingEndpoint } from './detector.js'
import { ScrapingDetector } from './scraping.js'

const { edgeDecisionId, ...base } = goldenTransaction
const startUs = 1_790_000_000_000_000

function request(atS: number, fields: Partial<HttpTransaction> = {}): HttpTransaction {
  const id = Math.round(atS * 1_000)
    .toString(16)
    .padStart(32, '0')
  return { ...base, id, observedAtUs: startUs + Math.round(atS * 1e6), status: 200, ...fields }
}

function endpoint(id: string): FindingEndpoint {
  return { id, host: 'shop.example', method: 'GET', pathTemplate: `/v1/stores/${id}/inventory` }
}

function detectorOf(): ScrapingDetector {
  return new ScrapingDetector(detectionConfigSchema.parse({}).scraping)
}

/** Requests until a finding, of a burst at `perS`. */
function burst(detector: ScrapingDetector, fromS: number, perS: number, fields: Partial<HttpTransaction> = {}): number {
  for (let i = 1; i <= 500; i++) {
    if (detector.observe(request(fromS + i / perS, fields), endpoint('new')).length > 0) return i
  }
  return Number.POSITIVE_INFINITY
}

it('what was learned under literal paths counts for their template', () => {
  const detector = detectorOf()
  for (let i = 0; i < 720; i++) detector.observe(request(i * 5), endpoint(`old${i % 20}`))
  detector.redirectEndpoints(new Map(Array.from({ length: 20 }, (_, i) => [`old${i}`, 'new'])))
  expect(burst(detector, 3_600, 140)).toBeLessThanOrEqual(20)
})

it.each<[string, number, Partial<HttpTransaction>]>([
  ['too short a history', 1_200, {}],
  ['a limiter’s refusals', 3_600, { status: 429 }],
  ['our own edge’s refusals', 3_600, { status: 403, edgeDecisionId: 'd-0123456789abcdef' }],
])('%s: nothing to judge', (_name, historyS, fields) => {
  const detector = detectorOf()
  for (let atS = 0; atS < historyS; atS += 5) detector.observe(request(atS), endpoint('new'))
  expect(burst(detector, historyS, 140, fields)).toBe(Number.POSITIVE_INFINITY)
})

it('a sample counts for what it stands for', () => {
  const sampled = { weight: 10 }
  const detector = detectorOf()
  for (let i = 0; i < 720; i++) detector.observe(request(i * 5, sampled), endpoint('new'))
  // Two a second was normal: the same seen unsampled is nothing.
  expect(burst(detector, 3_600, 4)).toBe(Number.POSITIVE_INFINITY)
})

it('one finding, whose versions rise, and the same one when it is all done again', () => {
  const published = [detectorOf(), detectorOf()].map((detector) => {
    const findings = []
    for (let i = 0; i < 720; i++) findings.push(...detector.observe(request(i * 5), endpoint('new')))
    for (let i = 1; i <= 500; i++) findings.push(...detector.observe(request(3_600 + i / 140), endpoint('new')))
    return findings
  })
  expect(published[0]).toEqual(published[1])
  expect(published[0]?.map(({ version }) => version)).toEqual(published[0]?.map((_, index) => index + 1))
  expect(new Set(published[0]?.map(({ id }) => id)).size).toBe(1)
})
