import { expect, it } from 'vitest'
import { AuthReader } from './auth.js'
import { sampleFleetKey } from './raw-transaction-fixture.js'
import { Tokens } from './token.js'

const tokens = new Tokens(sampleFleetKey, 1)
const reader = new AuthReader(tokens)
const jwt = (payload: string) => `eyJhbGciOiJIUzI1NiJ9.${Buffer.from(payload).toString('base64url')}.c2ln`
const janesJwt = jwt('{"sub":"Jane"}')
const jane = tokens.userName('jane')

interface Sent {
  readonly authorization?: string
  readonly keyField?: readonly [string, string]
  readonly keyParameter?: readonly [string, string]
  readonly cookie?: string
}

it.each<[string, Sent, object]>([
  ['nothing', {}, { scheme: 'none', accessToken: undefined, sessionToken: undefined }],
  [
    'bearer: the bytes after the scheme',
    { authorization: 'Bearer  abc' },
    { scheme: 'bearer', accessToken: tokens.access('abc'), accessTokenName: 'authorization' },
  ],
  ['the scheme in any case', { authorization: 'bEARER abc' }, { scheme: 'bearer', accessToken: tokens.access('abc') }],
  ['a JWT has a subject', { authorization: `Bearer ${janesJwt}` }, { scheme: 'bearer', accountToken: jane }],
  ['a numeric subject', { authorization: `Bearer ${jwt('{"sub":42}')}` }, { accountToken: tokens.userName('42') }],
  ['a broken JWT has none', { authorization: 'Bearer eyJx.%%.y' }, { scheme: 'bearer', accountToken: undefined }],
  [
    'Basic: credential tokens, and nothing that an edge could test guesses with',
    { authorization: `Basic ${btoa('Jane:hunter2')}` },
    { scheme: 'basic', accessToken: undefined, accountToken: jane, basicPasswordToken: tokens.credential('hunter2') },
  ],
  [
    'Basic that is none',
    { authorization: 'Basic %%%' },
    { scheme: 'basic', accountToken: undefined, basicPasswordToken: undefined },
  ],
  [
    'Digest',
    { authorization: 'Digest username="Jane", realm="a"' },
    { scheme: 'digest', accessToken: undefined, accountToken: jane },
  ],
  ['a key in Authorization', { authorization: 'ApiKey k1' }, { scheme: 'api-key', accessToken: tokens.access('k1') }],
  ['no scheme', { authorization: 'k1' }, { scheme: 'other', accessToken: tokens.access('k1') }],
  [
    'a signature of each request names nobody',
    { authorization: 'AWS4-HMAC-SHA256 Credential=x' },
    { scheme: 'other', accessToken: undefined },
  ],
  [
    'an API key field',
    { keyField: ['x-api-key', 'k1'] },
    { scheme: 'api-key', accessToken: tokens.access('k1'), accessTokenName: 'x-api-key' },
  ],
  [
    'an API key parameter',
    { keyParameter: ['api_key', 'k1'] },
    { scheme: 'api-key', accessToken: tokens.access('k1'), accessTokenName: 'api_key' },
  ],
  [
    'the field before the parameter',
    { keyField: ['x-api-key', 'k1'], keyParameter: ['key', 'k2'] },
    { accessToken: tokens.access('k1') },
  ],
  [
    'Authorization before either',
    { authorization: 'Bearer b', keyField: ['x-api-key', 'k1'] },
    { scheme: 'bearer', accessToken: tokens.access('b') },
  ],
  [
    'a session cookie by name',
    { cookie: 'theme=dark; PHPSESSID=s1' },
    { scheme: 'cookie', sessionToken: tokens.access('s1'), accessToken: undefined },
  ],
  ['the surest name', { cookie: 'token=t; connect.sid=s1; a=b' }, { sessionToken: tokens.access('s1') }],
  [
    'by entropy where no name says it',
    { cookie: 'theme=dark; shop=kT9vQ2xLm4ZpWq83' },
    { sessionToken: tokens.access('kT9vQ2xLm4ZpWq83') },
  ],
  [
    'analytics is no session',
    { cookie: '_ga=GA1.2.kT9vQ2xLm4ZpWq83; csrftoken=kT9vQ2xLm4ZpWq83' },
    { scheme: 'none', sessionToken: undefined },
  ],
  ['a JWT for a session', { cookie: `jwt=${janesJwt}` }, { sessionToken: tokens.access(janesJwt), accountToken: jane }],
  [
    'both session and key',
    { keyField: ['x-api-key', 'k1'], cookie: 'sid=s1' },
    { scheme: 'api-key', accessToken: tokens.access('k1'), sessionToken: tokens.access('s1') },
  ],
])('%s', (_, sent, expected) => {
  const access = (pair: readonly [string, string] | undefined) =>
    pair === undefined ? undefined : { name: pair[0], value: pair[1] }
  expect(reader.read(sent.authorization, access(sent.keyField), access(sent.keyParameter), sent.cookie)).toMatchObject(
    expected,
  )
})
