import { expect, it } from 'vitest'
import { ContractViolation } from './topic.js'
import { goldenTransaction, transactionSchema, transactionTopic } from './transaction.js'

it('the golden sample is valid and fills every field', () => {
  expect(transactionTopic.parse(goldenTransaction)).toEqual(goldenTransaction)
  expect(Object.keys(goldenTransaction).sort()).toEqual(Object.keys(transactionSchema.shape).sort())
})

it('decode undoes encode, several lines in one record', () => {
  const line = transactionTopic.encode(goldenTransaction)
  const record = new Uint8Array(line.length * 2)
  record.set(line)
  record.set(line, line.length)
  expect(transactionTopic.decode(record)).toEqual([goldenTransaction, goldenTransaction])
})

it('a violation names fields and never their values', () => {
  const broken = { ...goldenTransaction, accessToken: 'Bearer hunter2' }
  expect(() => transactionTopic.parse(broken)).toThrow(ContractViolation)
  expect(() => transactionTopic.parse(broken)).toThrow(/accessToken/)
  expect(() => transactionTopic.parse(broken)).not.toThrow(/hunter2/)
})
