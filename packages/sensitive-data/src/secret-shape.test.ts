import fc from 'fast-check'
import { expect, it } from 'vitest'
import { isSecretShape } from './secret-shape.js'

function secret(text: string): boolean {
  const bytes = new TextEncoder().encode(text)
  return isSecretShape(bytes, 0, bytes.length)
}

it.each([
  ['kT9vQ2xLm4Zp', '12 random characters'],
  ['550e8400-e29b-41d4-a716-446655440000', 'UUID'],
  ['9f86d081884c7d659a2feaa0c55ad015', 'hex digest'],
  ['507f1f77bcf86cd799439011', 'object id'],
  ['dGhpcyBpcyBhIHNlY3JldCB0b2tlbg', 'base64url'],
  ['reset-password-kT9vQ2xLm4Zp', 'a secret among words'],
  ['jane@example.org', 'e-mail'],
  ['4111111111111111', 'card'],
  ['order4111111111111111', 'card touching a word: doubt hides'],
  ['34313131313131313131313131313131', 'a card as hex: all digits'],
  ['sk_live_x8Rq2LmZ0pTt7vKw', 'prefixed key'],
])('%s is hidden: %s', (text) => expect(secret(text)).toBe(true))

it.each([
  ['users'],
  ['v1'],
  ['42'],
  ['1234567890123456789'],
  ['2024-01-15'],
  ['how-to-build-a-rest-api-in-node'],
  ['application_configuration_settings'],
  ['address1Line2Text'],
  ['internationalization'],
  ['getUserByAccountIdAndDate'],
  ['XMLHttpRequest'],
  ['Content-Security-Policy-Report-Only'],
  ['oauth-authorization-server'],
  ['passwordConfirmation'],
  ['jquery-3.7.1.min.js'],
  ['B08N5WRWNW'],
  ['openxmlformats-officedocument.wordprocessingml.document'],
  ['shippingAddressLine1'],
  ['is_subscribed_to_newsletter'],
  ['Benutzereinstellungen'],
  ['configuracionesAvanzadas'],
  ['preferencesUtilisateur'],
  ['created_at_timestamp_utc'],
  ['.well-known'],
])('%s stays in clear', (text) => expect(secret(text)).toBe(false))

it('hides nearly all random text of 16 characters and more', () => {
  const alphabet = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789']
  const random = fc.array(fc.constantFrom(...alphabet), { minLength: 16, maxLength: 40 }).map((parts) => parts.join(''))
  const sample = fc.sample(fc.noShrink(random), { numRuns: 5_000, seed: 7 })
  // fast-check biases towards small and repeated characters; even so, few escape.
  const missed = sample.filter((text) => new Set(text).size > 8 && !secret(text)).length
  expect(missed).toBeLessThan(50)
})
