import { expect, it } from 'vitest'
import { actorKey, actorsOf } from './actor.js'

const address = { kind: 'address', value: '192.0.2.1' }
const fingerprint = { kind: 'fingerprint', value: 'ff00' }

it.each<[object, object[], string]>([
  [{}, [], 'an anonymous request has an address and a fingerprint'],
  [{ accessToken: 'a1.01' }, [{ kind: 'access-token', value: 'a1.01' }], 'a partner key'],
  [
    { sessionToken: 'a1.02', accountToken: 'c1.03' },
    [
      { kind: 'session', value: 'a1.02' },
      { kind: 'account', value: 'c1.03' },
    ],
    'narrowest first',
  ],
  [{ loginUserToken: 'c1.04' }, [], 'a typed user name is no actor'],
])('%j → %j: %s', (fields, expected, _why) => {
  expect(actorsOf({ clientAddress: '192.0.2.1', fingerprint: 'ff00', ...fields })).toEqual([
    ...expected,
    address,
    fingerprint,
  ])
})

it('keys of different kinds never meet', () => {
  expect(actorKey('session', 'x')).not.toBe(actorKey('access-token', 'x'))
})
