import fc from 'fast-check'
import { expect, it } from 'vitest'
import { IdTable } from './id-table.js'

const digit = fc.constantFrom(...'0123456789abcdef')
/** Many equal words, so that ids stand in each other's way, and texts that are no ids. */
const id = fc.oneof(
  fc
    .array(fc.constantFrom('00000000', '00000001', 'ffffffff', '80000000'), { minLength: 4, maxLength: 4 })
    .map((words) => words.join('')),
  fc.array(digit, { minLength: 32, maxLength: 32 }).map((digits) => digits.join('')),
  fc.constantFrom('', 'a', 'A'.repeat(32), 'a'.repeat(31), `${'a'.repeat(31)}g`, 'é'.repeat(32), `${'0'.repeat(31)}G`),
)
const operation = fc.tuple(fc.constantFrom('add', 'add', 'delete', 'has') as fc.Arbitrary<'add' | 'delete' | 'has'>, id)

it('answers as a set of texts does, whatever is added and deleted in whatever order', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
      const table = new IdTable()
      const model = new Set<string>()
      for (const [name, id] of operations) {
        const expected = name === 'add' ? !model.has(id) : name === 'delete' ? model.delete(id) : model.has(id)
        if (name === 'add') model.add(id)
        expect(table[name](id)).toBe(expected)
        expect(table.size).toBe(model.size)
      }
    }),
  )
})

/** The id that follows from `n`, spread as hashes are. */
function idOf(n: number): string {
  const word = (salt: number) => (Math.imul(n + 1, salt) >>> 0).toString(16).padStart(8, '0')
  return word(0x9e3779b1) + word(0x85ebca6b) + word(0xc2b2ae35) + word(0x27d4eb2f)
}

it('grows, loses nothing while it does, and forgets half of it again', () => {
  const table = new IdTable()
  const count = 20_000
  for (let n = 0; n < count; n++) expect(table.add(idOf(n))).toBe(true)
  for (let n = 0; n < count; n += 2) expect(table.delete(idOf(n))).toBe(true)
  const wrong = Array.from({ length: count }, (_, n) => n).filter((n) => table.has(idOf(n)) !== (n % 2 === 1))
  expect([wrong, table.size]).toEqual([[], count / 2])
  table.clear()
  expect([table.size, table.has(idOf(1))]).toEqual([0, false])
})
