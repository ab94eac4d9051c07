import { expect, it } from 'vitest'
import { prevailingSchemes } from './authentication.js'

it.each([
  [
    { cookie: 10, none: 3_988 },
    ['none'],
    'a log-in does not authenticate by the cookies that a few clients send along',
  ],
  [{ bearer: 95, none: 5 }, ['bearer', 'none'], 'one in twenty without credentials is worth showing'],
  [{ cookie: 50, bearer: 50 }, ['bearer', 'cookie'], 'equals in the order of their names'],
  [{ basic: 1 }, ['basic'], 'a single request is all there is'],
  [{}, [], 'nothing is known'],
] as const)('%j → %j: %s', (counts, schemes, _why) => expect(prevailingSchemes(counts)).toEqual(schemes))
