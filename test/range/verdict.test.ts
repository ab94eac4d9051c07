import { expect, it } from 'vitest'
import type { ClientLogEntry } from './clients.js'
import { judge, type StoreRecord } from './verdict.js'

const entry = (kind: ClientLogEntry['kind'], address: string, sentAtMs: number, refused: boolean): ClientLogEntry => ({
  kind,
  address,
  target: '/',
  sentAtMs,
  status: refused ? 403 : 200,
  refused,
})
const attack = (kind: ClientLogEntry['kind'], address: string): ClientLogEntry[] =>
  Array.from({ length: 20 }, (_, index) => entry(kind, address, index, index >= 5))
const log = [
  ...attack('stuffing', '127.60.1.1'),
  ...attack('scraping', '127.40.1.1'),
  entry('benign', '127.20.1.1', 3, false),
]
const store: StoreRecord = {
  refusedByGroup: { '127.60': 15, '127.40': 15 },
  effects: { stuffing: { effective: 1 }, scraping: { effective: 1, unproven: 2 } },
}

it('an attack whose end is refused, with nobody else hit, is stopped', () => {
  expect(judge(log, store)).toMatchObject({
    stuffing: { requestCount: 20, refusedCount: 15, passedBeforeFirstRefusal: 5, stopped: true },
    benignRequestCount: 1,
    sameKeyRefusedCount: 0,
    complaints: [],
  })
})

it.each<[string, readonly ClientLogEntry[], StoreRecord, RegExp]>([
  ['the last request got through', [...log, entry('stuffing', '127.60.1.2', 99, false)], store, /stuffing went on/],
  [
    'a benign user was refused',
    [...log, entry('benign', '127.20.1.2', 9, true)],
    store,
    /1 benign requests were refused/,
  ],
  ['a benign user got no answer', [...log, { ...entry('benign', '127.20.1.2', 9, false), status: 0 }], store, /failed/],
  ['the store missed refusals', log, { ...store, refusedByGroup: { '127.60': 15 } }, /the store holds 15 refusals/],
  [
    'the store holds refusals of others',
    log,
    { ...store, refusedByGroup: { '127.60': 15, '127.40': 14, '127.20': 1 } },
    /benign clients in 127\.20/,
  ],
  [
    'nothing is proven',
    log,
    { ...store, effects: { ...store.effects, scraping: { unproven: 3 } } },
    /scraping is proven/,
  ],
  [
    'a decision does nothing',
    log,
    { ...store, effects: { ...store.effects, scraping: { effective: 1, ineffective: 2 } } },
    /2 decisions against the scraping are ineffective/,
  ],
])('%s: that is a complaint', (_, entries, record, complaint) => {
  expect(judge(entries, record).complaints.join('\n')).toMatch(complaint)
})
