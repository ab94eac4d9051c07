/** HPACK against the examples of RFC 7541 Appendix C, and against what joins late or is hostile. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HeaderBlock, HpackDecoder } from './hpack.js'
import { decodeHuffman } from './hpack-huffman.js'

const block = new HeaderBlock()
const keptMaxBytes = 65_536

function decode(decoder: HpackDecoder, hex: string, maxBytes = keptMaxBytes): string[] {
  const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex')
  decoder.decode(bytes, 0, bytes.length, block, maxBytes)
  return fields()
}

function fields(): string[] {
  return Array.from({ length: block.count }, (_, index) => {
    const name = block.bytes.toString('latin1', block.nameFrom(index), block.nameTo(index))
    return `${name}: ${block.bytes.toString('latin1', block.valueFrom(index), block.valueTo(index))}`
  })
}

const requests = [
  [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com'],
  [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com', 'cache-control: no-cache'],
  [':method: GET', ':scheme: https', ':path: /index.html', ':authority: www.example.com', 'custom-key: custom-value'],
]
const dates = ['Mon, 21 Oct 2013 20:13:21 GMT', 'Mon, 21 Oct 2013 20:13:22 GMT']
const location = 'location: https://www.example.com'
const responses = [
  [':status: 302', 'cache-control: private', `date: ${dates[0]}`, location],
  [':status: 307', 'cache-control: private', `date: ${dates[0]}`, location],
  [
    ':status: 200',
    'cache-control: private',
    `date: ${dates[1]}`,
    location,
    'content-encoding: gzip',
    'set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1',
  ],
]

describe('RFC 7541 Appendix C', () => {
  it.each([
    ['400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572', 'custom-key: custom-header', 1, 'C.2.1'],
    ['040c 2f73 616d 706c 652f 7061 7468', ':path: /sample/path', 0, 'C.2.2'],
    ['1008 7061 7373 776f 7264 0673 6563 7265 74', 'password: secret', 0, 'C.2.3'],
    ['82', ':method: GET', 0, 'C.2.4'],
  ])('%s → %s, %i entries: %s', (hex, field, entryCount) => {
    const decoder = new HpackDecoder(true)
    expect(decode(decoder, hex)).toEqual([field])
    expect(decoder.entryCount).toBe(entryCount)
  })

  it.each([
    [
      'C.3, without Huffman code',
      [
        '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
        '8286 84be 5808 6e6f 2d63 6163 6865',
        '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
      ],
    ],
    [
      'C.4, with it',
      [
        '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
        '8286 84be 5886 a8eb 1064 9cbf',
        '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
      ],
    ],
  ])('requests, %s', (_, blocks) => {
    const decoder = new HpackDecoder(true)
    expect(blocks.map((hex) => decode(decoder, hex))).toEqual(requests)
    expect(decoder.entryCount).toBe(3)
  })

  it.each([
    [
      'C.5, without Huffman code',
      [
        '4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
        '4803 3330 37c1 c0bf',
        '88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31',
      ],
    ],
    [
      'C.6, with it',
      [
        '4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3',
        '4883 640e ffc1 c0bf',
        '88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07',
      ],
    ],
  ])('responses with a table of 256 octets, %s', (_, blocks) => {
    const decoder = new HpackDecoder(true)
    decode(decoder, '3fe101') // 256 = 31 + 225.
    expect(blocks.map((hex) => decode(decoder, hex))).toEqual(responses)
    expect(decoder.entryCount).toBe(3)
  })
})

describe('joined midway', () => {
  it('leaves out what refers to unknown entries, and knows what is added later', () => {
    const decoder = new HpackDecoder(false)
    expect(decode(decoder, '82be')).toEqual([':method: GET'])
    expect(block.unknownCount).toBe(1)
    expect(decode(decoder, '4001 6101 31')).toEqual(['a: 1'])
    expect(decode(decoder, 'bebf')).toEqual(['a: 1'])
    expect(block.unknownCount).toBe(1)
  })

  it('knows that an entry was added whose name it does not know', () => {
    const decoder = new HpackDecoder(false)
    expect(decode(decoder, '4001 6101 31 7f00 0132')).toEqual(['a: 1']) // Name of entry 63: unknown.
    expect(block.unknownCount).toBe(1)
    expect(decode(decoder, 'be')).toEqual([])
    expect(decode(decoder, 'bf')).toEqual(['a: 1'])
  })

  it.each([
    ['be', 'an entry that was never there'],
    ['ff808080808000', 'an integer without bound'],
    ['80', 'entry 0'],
    ['400a6375', 'a string that breaks off'],
    ['40', 'a literal that breaks off'],
  ])('%s is malformed when all was seen: %s', (hex) => {
    const decoder = new HpackDecoder(true)
    decode(decoder, hex)
    expect(block.isMalformed).toBe(true)
    expect(decoder.isComplete).toBe(false)
  })

  it('knows all again when the table was emptied', () => {
    const decoder = new HpackDecoder(false)
    decode(decoder, '203fe11f') // Size 0, then 4,096.
    expect(decoder.isComplete).toBe(true)
    decode(decoder, 'be')
    expect(block.isMalformed).toBe(true)
  })
})

describe('limits', () => {
  it('a bomb of references keeps the list within its limit, and the table right', () => {
    const decoder = new HpackDecoder(true)
    const value = 'v'.repeat(4_000)
    decode(decoder, `4001 61 7fa11e${Buffer.from(value).toString('hex')}`)
    expect(fields()).toEqual([`a: ${value}`])
    decode(decoder, `${'be'.repeat(16_000)} 4001 6201 32`)
    expect(block.isTooLong).toBe(true)
    expect(block.usedBytes).toBeLessThanOrEqual(keptMaxBytes)
    expect(decode(decoder, 'be')).toEqual(['b: 2'])
  })

  it('an entry larger than the table empties it', () => {
    const decoder = new HpackDecoder(true)
    decode(decoder, '4001 6101 31')
    decode(decoder, `4001 62 7f811f${'76'.repeat(4_096)}`)
    expect(decoder.entryCount).toBe(0)
    decode(decoder, 'be')
    expect(block.isMalformed).toBe(true)
  })

  it('says so of a table larger than allowed', () => {
    const decoder = new HpackDecoder(true)
    decode(decoder, '3fe13f') // 8,192.
    expect(block.hasOddSize).toBe(true)
  })
})

/** What a decoder knows, as plain lists: entries newest first. */
class ModelTable {
  readonly entries: [string, string][] = []
  maxBytes = 4_096

  add(name: string, value: string): void {
    this.entries.unshift([name, value])
    this.evict()
  }

  evict(): void {
    const size = () => this.entries.reduce((sum, [name, value]) => sum + name.length + value.length + 32, 0)
    while (size() > this.maxBytes) this.entries.pop()
  }
}

const text = fc.string({ unit: fc.constantFrom(...'abcxyz019-'), minLength: 1, maxLength: 30 })
const operation = fc.oneof(
  fc.record({ kind: fc.constant('add' as const), name: text, value: text }),
  fc.record({ kind: fc.constant('refer' as const), index: fc.nat(80) }),
  fc.record({ kind: fc.constant('resize' as const), bytes: fc.nat(600) }),
)

it('law: agrees with a list of entries, whatever is added, evicted and resized', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 120 }), (operations) => {
      const decoder = new HpackDecoder(true)
      decoder.allowedBytes = 4_096
      const model = new ModelTable()
      for (const step of operations) {
        if (step.kind === 'add') {
          const { name, value } = step
          const bytes = Buffer.concat([
            Buffer.from([0x40, name.length]),
            Buffer.from(name),
            Buffer.from([value.length]),
            Buffer.from(value),
          ])
          expect(decode(decoder, bytes.toString('hex'))).toEqual([`${name}: ${value}`])
          model.add(name, value)
        } else if (step.kind === 'resize') {
          decode(decoder, integer(step.bytes, 5, 0x20))
          model.maxBytes = step.bytes
          model.evict()
        } else {
          const entry = model.entries[step.index]
          if (entry === undefined) continue
          expect(decode(decoder, integer(62 + step.index, 7, 0x80))).toEqual([`${entry[0]}: ${entry[1]}`])
        }
        expect(decoder.entryCount).toBe(model.entries.length)
      }
    }),
    { numRuns: 150 },
  )
})

/** RFC 7541 §5.1. */
function integer(value: number, prefixBits: number, pattern: number): string {
  const prefix = 2 ** prefixBits - 1
  if (value < prefix) return Buffer.from([pattern | value]).toString('hex')
  const octets = [pattern | prefix]
  let rest = value - prefix
  for (; rest >= 128; rest = Math.floor(rest / 128)) octets.push((rest % 128) + 128)
  return Buffer.from([...octets, rest]).toString('hex')
}

describe('Huffman code', () => {
  const decodeText = (hex: string) => {
    const bytes = Buffer.from(hex, 'hex')
    const out = Buffer.alloc(bytes.length * 2)
    const end = decodeHuffman(bytes, 0, bytes.length, out, 0)
    return { isWhole: end >= 0, text: out.toString('latin1', 0, end < 0 ? ~end : end) }
  }

  it.each([
    ['f1e3c2e5f23a6ba0ab90f4ff', true, 'www.example.com', 'RFC 7541 C.4.1'],
    ['', true, '', 'nothing'],
    ['1c', false, 'a', 'padding of zeros'],
    ['1fff', false, 'a', 'padding of more than seven bits'],
    ['3fffffff', false, '', 'EOS, after which nothing is read'],
    ['fffffffc', false, '', 'EOS alone'],
  ])('%s: %s %j: %s', (hex, isWhole, decoded) => {
    const result = decodeText(hex)
    expect(result.isWhole).toBe(isWhole)
    if (isWhole || decoded !== '') expect(result.text).toBe(decoded)
  })
})
