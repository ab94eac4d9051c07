/** µs of CPU per redacted transaction with a JSON answer of about 1.5 kB. Run: `node --expose-gc packages/redaction/dist/redact-transaction.bench.js`. */

import { rawTransaction, sampleFleetKey, sampleFlow } from './raw-transaction-fixture.js'
import { createRedactor } from './redact-transaction.js'

const roundsCount = 7
const transactionsPerRound = 20_000

const products = Array.from({ length: 8 }, (_, i) => ({
  id: 41_000 + i,
  sku: `SKU-${7_000 + i * 13}`,
  name: `Steel water bottle, ${i + 3} dl`,
  price: { amount: 19.9 + i, currency: 'EUR' },
  available: i % 3 !== 0,
  tags: ['outdoor', 'kitchen'],
  updatedAt: '2026-11-20T10:30:00Z',
}))
const raws = Array.from({ length: 512 }, (_, i) =>
  rawTransaction({
    target: `/api/v1/categories/${i % 40}/products?page=${i % 9}&sort=price`,
    firstSeq: i,
    fields: [
      ['host', 'shop.example'],
      [
        'user-agent',
        'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36',
      ],
      ['accept', 'application/json'],
      ['accept-language', 'en-US,en;q=0.9'],
      ['accept-encoding', 'gzip, deflate, br'],
      ['authorization', `Bearer key-${i % 64}-0123456789abcdef0123456789abcdef`],
      ['cookie', `theme=dark; sid=session${i % 200}abcdefgh`],
    ],
    response: {
      fields: [
        ['content-type', 'application/json; charset=utf-8'],
        ['cache-control', 'private, max-age=0'],
        ['server', 'nginx'],
        ['date', 'Tue, 24 Nov 2026 10:00:00 GMT'],
      ],
      content: JSON.stringify({
        page: i % 9,
        total: 311,
        owner: { email: `jane${i}@example.org`, since: '2024-01-02' },
        products,
      }),
    },
  }),
)

const redactor = createRedactor({ fleetKey: sampleFleetKey, keyNumber: 1 })
let lineBytes = 0
let bestUs = Number.POSITIVE_INFINITY
let allocatedBytes = 0
for (let round = 0; round < roundsCount; round++) {
  globalThis.gc?.()
  const heapBefore = process.memoryUsage().heapUsed
  const before = process.cpuUsage()
  for (let i = 0; i < transactionsPerRound; i++) {
    const raw = raws[i % raws.length]
    if (raw !== undefined) lineBytes += redactor.redact(sampleFlow, raw).line.length
  }
  const used = process.cpuUsage(before)
  const us = (used.user + used.system) / transactionsPerRound
  if (us < bestUs) bestUs = us
  allocatedBytes = process.memoryUsage().heapUsed - heapBefore
}
const bodyBytes = raws[0]?.response?.content.length ?? 0
console.log(
  `redact ${bodyBytes} B of JSON: ${bestUs.toFixed(1)} µs of CPU a transaction, ${(bodyBytes / bestUs).toFixed(0)} MB/s, ` +
    `line ${Math.round(lineBytes / roundsCount / transactionsPerRound)} B, heap grown ${Math.round(allocatedBytes / transactionsPerRound)} B`,
)
