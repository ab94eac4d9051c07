import type { Finding } from '@tapwarden/contracts/finding'
import { expect, it } from 'vitest'
import { FindingLedger, type StoredFinding } from './finding-ledger.js'

const stored: StoredFinding = {
  id: 'f-0000000000000001',
  version: 7,
  detectorId: 'credential-stuffing',
  endpointId: 'a1',
  actorValue: '',
  actorValues: ['192.0.2.1'],
  firstSeenUs: 100,
  lastSeenUs: 200,
}

function finding(id: string, version: number, firstSeenUs: number, endpointId = 'a1'): Finding {
  return {
    id,
    version,
    detector: { id: 'credential-stuffing', version: 1 },
    subject: { kind: 'campaign', actors: [], endpoint: { id: endpointId, host: '', method: '', pathTemplate: '' } },
    firstSeenUs,
    lastSeenUs: firstSeenUs + 50,
    detectedAtUs: firstSeenUs + 10,
  } as unknown as Finding
}

it('what is stored is not said again, and its versions go on', () => {
  const ledger = new FindingLedger([stored])
  ledger.restore(finding(stored.id, 1, 100))
  ledger.restore(finding(stored.id, 5, 100))
  expect(ledger.unpublished()).toEqual([])
  expect(ledger.publishable(finding(stored.id, 6, 100))).toMatchObject({ id: stored.id, version: 8 })
})

it('the same attack under another id keeps the stored one', () => {
  const ledger = new FindingLedger([stored])
  ledger.restore(finding('f-0000000000000002', 3, 150))
  expect(ledger.unpublished()).toEqual([])
  expect(ledger.publishable(finding('f-0000000000000002', 4, 150))).toMatchObject({ id: stored.id, version: 8 })
})

it('an update that names actors nobody was told of is published, as the next version of what is stored', () => {
  const ledger = new FindingLedger([stored])
  const grown = finding('f-0000000000000002', 4, 150)
  const actors = ['192.0.2.1', '192.0.2.2'].map((value) => ({ kind: 'address' as const, value }))
  ledger.restore({ ...grown, subject: { ...grown.subject, actors } })
  expect(ledger.unpublished()).toMatchObject([{ id: stored.id, version: 8, subject: { actors } }])
  expect(ledger.publishable(finding('f-0000000000000002', 5, 150))).toMatchObject({ id: stored.id, version: 9 })
})

it('what the past shows and nobody was told is said once, in its newest version', () => {
  const ledger = new FindingLedger([stored])
  ledger.restore(finding('f-0000000000000003', 1, 900))
  ledger.restore(finding('f-0000000000000003', 2, 900))
  ledger.restore(finding('f-0000000000000004', 1, 150, 'other'))
  expect(ledger.unpublished().map(({ id, version }) => [id, version])).toEqual([
    ['f-0000000000000004', 1],
    ['f-0000000000000003', 2],
  ])
  expect(ledger.unpublished()).toEqual([])
  expect(ledger.publishable(finding('f-0000000000000003', 3, 900)).version).toBe(3)
})

it('a new finding is published as it is', () => {
  const fresh = finding('f-0000000000000005', 1, 900)
  expect(new FindingLedger([stored]).publishable(fresh)).toBe(fresh)
})
