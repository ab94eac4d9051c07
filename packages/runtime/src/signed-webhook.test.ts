import { createHmac } from 'node:crypto'
import { expect, it } from 'vitest'
import { signWebhook, verifyWebhook } from './signed-webhook.js'

const body = Buffer.from('{"id":"f-0123456789abcdef"}\n')
const nowMs = 1_790_000_000_999
const field = signWebhook('secret', body, nowMs)

it('is the HMAC of timestamp, dot and body', () => {
  const digest = createHmac('sha256', 'secret').update(`1790000000.${body.toString()}`).digest('hex')
  expect(field).toBe(`t=1790000000,v1=${digest}`)
})

it.each<[string, string, Buffer, number, string | undefined, string]>([
  [field, 'secret', body, nowMs, undefined, 'as sent'],
  [field, 'secret', body, nowMs + 299_000, undefined, 'within the tolerance'],
  [field, 'secret', body, nowMs + 400_000, 'stale', 'a replayed delivery'],
  [field, 'secret', body, nowMs - 400_000, 'stale', 'from the future'],
  [field, 'other', body, nowMs, 'mismatch', 'another secret'],
  [field, 'secret', Buffer.from('{}\n'), nowMs, 'mismatch', 'another body'],
  [field.replace('t=1790000000', 't=1790000001'), 'secret', body, nowMs, 'mismatch', 'the time is signed too'],
  [`${field},v1=${'0'.repeat(64)},v2=x`, 'secret', body, nowMs, undefined, 'one of several digests, unknown members'],
  [`${field},t=1790000000`, 'secret', body, nowMs, 'malformed', 'two times'],
  ['', 'secret', body, nowMs, 'malformed', 'nothing'],
  ['t=1790000000', 'secret', body, nowMs, 'malformed', 'no digest'],
  ['t=1790000000,v1=abcd', 'secret', body, nowMs, 'malformed', 'a short digest'],
])('%#: %s', (given, secret, content, atMs, fault, _why) => {
  expect(verifyWebhook(secret, given, content, atMs)).toBe(fault)
})
