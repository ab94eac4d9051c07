import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { withoutLoneSurrogates } from './lone-surrogates.js'

const clean = (json: string) => withoutLoneSurrogates(Buffer.from(json)).toString()

describe('withoutLoneSurrogates', () => {
  it.each([
    ['"\\ud800"', '"\\ufffd"', 'a high half before the closing quote'],
    ['"\\uDC00x"', '"\\ufffdx"', 'a low half, in capitals'],
    ['"\\ud83d\\ude00"', '"\\ud83d\\ude00"', 'a pair stays'],
    ['"\\uD83D\\ude00"', '"\\uD83D\\ude00"', 'a pair of mixed case too'],
    ['"\\ud800\\ud83d\\ude00\\ude00"', '"\\ufffd\\ud83d\\ude00\\ufffd"', 'halves beside a pair'],
    ['"\\\\ud800"', '"\\\\ud800"', 'a backslash and five letters'],
    ['"\\\\\\ud800"', '"\\\\\\ufffd"', 'a half after a backslash'],
    ['"\\ud7ff\\ue000"', '"\\ud7ff\\ue000"', 'neighbors of the range'],
    ['"\\ud8', '"\\ud8', 'cut short'],
  ])('%s → %s: %s', (json, expected) => expect(clean(json)).toBe(expected))

  it('gives what a well-formed text of the same value gives', () => {
    const unit = fc.oneof(
      fc.constantFrom('\ud800', '\udbff', '\udc00', '\udfff', '\\', '"', 'ud800', '\ud83d\ude00'),
      fc.string(),
    )
    fc.assert(
      fc.property(fc.array(unit), (units) => {
        const text = units.join('')
        expect(JSON.parse(clean(JSON.stringify(text)))).toBe(Buffer.from(text).toString())
      }),
    )
  })
})
