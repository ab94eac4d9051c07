import { expect, it } from 'vitest'
import { partitionKey, partitionOf } from './partition-key.js'

it.each([
  [{ sessionToken: 'a1.00', accessToken: 'a1.11', accountToken: 'c1.22', clientAddress: '192.0.2.1' }, 'a1.00', 0],
  [{ accessToken: 'a1.11', accountToken: 'c1.22', clientAddress: '192.0.2.1' }, 'a1.11', 15],
  [{ accountToken: 'c1.22', clientAddress: '192.0.2.1' }, 'c1.22', 12],
  [{ clientAddress: '192.0.2.1' }, 'ip.192.0.2.1', 12],
])('%j is keyed by %s in partition %i, for ever', (transaction, key, partition) => {
  expect(partitionKey(transaction)).toBe(key)
  expect(partitionOf(transaction)).toBe(partition)
})
