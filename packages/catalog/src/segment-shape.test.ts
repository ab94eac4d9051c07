import fc from 'fast-check'
import { expect, it } from 'vitest'
import { segmentShape } from './segment-shape.js'

it.each([
  ['users', 'word', '', 'a word'],
  ['chat.postMessage', 'word', '', 'a dot does not make an extension'],
  ['create-account', 'word', '', 'kebab case'],
  ['getUserById', 'word', '', 'camel case'],
  ['OAuth2Client', 'word', '', 'a digit in camel case'],
  ['base64', 'word', '', 'a word that ends in digits'],
  ['v1', 'version', '', 'a version is never a parameter'],
  ['v1beta1', 'version', '', 'nor is a beta'],
  ['2.0', 'version', '', 'nor a dotted one'],
  ['42', 'integer', '', 'digits'],
  ['3f2a9c1e-0b4d-4c6e-9f00-a1b2c3d4e5f6', 'uuid', '', 'uuid'],
  ['5f1d7f0b9c3e4a0012ab34cd', 'hex', '', 'a Mongo id'],
  ['2026-11-24', 'date', '', 'date'],
  ['cus_Nf8aKq0zPq1XYZ', 'prefixed-id', '', 'a prefixed id'],
  ['aZ3kQ9bT', 'random', '', 'base62'],
  ['P7FA2B9', 'random', '', 'upper case and digits'],
  ['ana@example.com', 'email', '', 'e-mail'],
  ['@me', 'word', '', 'a route, or a name: siblings decide'],
  ['~v1.00000000000000a1', 'token', '', 'what redaction has tokenised'],
  ['39.7456,-97.0892', 'text', '', 'coordinates'],
  ['42.json', 'integer', '.json', 'an id with an extension'],
  ['3f2a9c1e-0b4d-4c6e-9f00-a1b2c3d4e5f6:cancel', 'uuid', ':cancel', 'an id with a verb'],
  ['report:archive', 'word', ':archive', 'a word with a verb: siblings decide'],
  ['nginx:latest', 'word', '', 'a tag of an image is no verb'],
])('%s is %s with suffix %j: %s', (segment, kind, suffix) => {
  expect(segmentShape(segment)).toEqual({ kind, suffix })
})

it('takes any text, and its suffix is its end', () => {
  fc.assert(fc.property(fc.string({ maxLength: 600 }), (segment) => segment.endsWith(segmentShape(segment).suffix)))
})
