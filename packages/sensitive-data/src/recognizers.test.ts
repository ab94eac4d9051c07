import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { scanSensitive, sensitiveTypeOf } from './recognizers.js'

const jwt = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJqYW5lIn0.c2lnbmF0dXJl'

function typeOf(text: string): string | undefined {
  const bytes = new TextEncoder().encode(text)
  return sensitiveTypeOf(bytes, 0, bytes.length)
}

describe('what is sensitive', () => {
  it.each([
    ['4111111111111111', 'card', 'Visa, together'],
    ['4111 1111 1111 1111', 'card', 'in groups'],
    ['5500-0000-0000-0004', 'card', 'Mastercard with hyphens'],
    ['2223003122003222', 'card', 'Mastercard of the 2-series'],
    ['378282246310005', 'card', 'American Express, 15 digits'],
    ['3782 822463 10005', 'card', 'American Express in its own groups'],
    ['6011111111111117', 'card', 'Discover'],
    ['3530111333300000', 'card', 'JCB'],
    ['30569309025904', 'card', 'Diners, 14 digits'],
    ['pay with 4111111111111111, please', 'card', 'inside text'],
    ['ref 1234 4111 1111 1111 1111', 'card', 'behind another group of four'],
    ['jane.doe+shop@mail.example.co.uk', 'email', 'dots, plus, subdomains'],
    ['Jane <jane@example.org>.', 'email', 'inside text'],
    ['j@xn--bcher-kva.example', 'email', 'punycode'],
    ['jörg@bücher.example', 'email', 'UTF-8 (RFC 6531)'],
    [jwt, 'jwt', 'header, payload, signature'],
    [`Bearer ${jwt}`, 'jwt', 'behind a scheme'],
    ['eyJhbGciOiJub25lIn0.eyJzdWIiOiJqYW5lIn0.', 'jwt', 'unsigned'],
    ['GB82 WEST 1234 5698 7654 32', 'iban', 'in groups of four'],
    ['DE89370400440532013000', 'iban', 'together'],
    ['123-45-6789', 'us-ssn', 'written form'],
    ['card 4111111111111111 of jane@example.org', 'card', 'the gravest first'],
  ])('%s is %s: %s', (text, type) => expect(typeOf(text)).toBe(type))
})

describe('false friends', () => {
  it.each([
    ['4111111111111112', 'Luhn fails'],
    ['1700000000000000', 'a time stamp in µs: no issuer begins with 1'],
    ['0.4111111111111111', 'a decimal'],
    ['94111111111111111111111', 'digits of a longer number'],
    ['a4111111111111111', 'part of an identifier'],
    ['2024-01-15 10:30:00.123456', 'a date'],
    ['0000000000000000', 'zeros pass Luhn'],
    ['+49 170 1234567 89', 'a phone number'],
    ['@handle', 'no local part'],
    ['user@localhost', 'one label'],
    ['package@1.2.3', 'a version is no domain'],
    ['a@b', 'too short'],
    ['eyJmb28iOiJiYXIifQ.eyJmb28iOiJiYXIifQ.abc', 'a header without alg'],
    ['eyJhbGciOiJIUzI1NiJ9', 'one part'],
    ['jquery.min.js.map', 'dotted names'],
    ['GB82 WEST 1234 5698 7654 33', 'remainder is not 1'],
    ['ZZ89370400440532013000', 'no such country'],
    ['000-45-6789', 'area 000'],
    ['666-45-6789', 'area 666'],
    ['123-00-6789', 'group 00'],
    ['123-45-67890', 'a digit too many'],
    ['', 'nothing'],
  ])('%s is nothing: %s', (text) => expect(typeOf(text)).toBeUndefined())
})

it('finds each of several, up to the limit', () => {
  const bytes = new TextEncoder().encode(
    '<a>jane@example.org</a><b>joe@example.org</b> 4111111111111111 5500000000000004 x@y.org',
  )
  const found: string[] = []
  scanSensitive(bytes, 0, bytes.length, 2, (type) => found.push(type))
  expect(found).toEqual(['card', 'card', 'email', 'email'])
})

describe('laws', () => {
  const luhnNumber = fc.stringMatching(/^4[0-9]{14}$/).map((head) => {
    for (let check = 0; ; check++) if (luhn(`${head}${check}`)) return `${head}${check}`
  })
  it('every Visa number with its check digit is a card, with any other it is none', () => {
    fc.assert(
      fc.property(luhnNumber, fc.integer({ min: 1, max: 9 }), (number, change) => {
        const wrong = number.slice(0, 15) + ((Number(number[15]) + change) % 10)
        return typeOf(number) === 'card' && typeOf(wrong) === undefined
      }),
    )
  })
  it('never throws, and a value inside other bytes is judged by its own bounds', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.uint8Array({ maxLength: 40 }), (value, around) => {
        const embedded = new Uint8Array([...around, ...value, ...around])
        const inside = sensitiveTypeOf(embedded, around.length, around.length + value.length)
        return inside === sensitiveTypeOf(value, 0, value.length)
      }),
    )
  })
})

function luhn(number: string): boolean {
  let sum = 0
  ;[...number].reverse().forEach((digit, i) => {
    const weighted = Number(digit) * (i % 2 === 0 ? 1 : 2)
    sum += weighted > 9 ? weighted - 9 : weighted
  })
  return sum % 10 === 0
}
