import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type ScriptStep, type TranscriptOptions, transcribe } from './flow-transcript.js'
import {
  mayStartProxyHeader,
  needMoreOctets,
  notProxyHeader,
  type Proxied,
  ProxyHeader,
  v1MaxBytes,
  v2MaxBytes,
} from './proxy-protocol.js'

const request = 'GET /x HTTP/1.1\r\nHost: a\r\n\r\n'
const answer = 'HTTP/1.1 204 No Content\r\n\r\n'
const signature = '\r\n\r\n\0\r\nQUIT\n'
const v4Block = '\xcb\x00\x71\x09\xc6\x33\x64\x07\xc8\x22\x1f\x90'
const v6Block = `\x20\x01\x0d\xb8${'\0'.repeat(11)}\x09\x20\x01\x0d\xb8${'\0'.repeat(11)}\x01\xc8\x22\x1f\x90`

function v2(versionAndCommand: number, family: number, block: string, lengthBytes = block.length): string {
  return signature + String.fromCharCode(versionAndCommand, family, lengthBytes >> 8, lengthBytes & 0xff) + block
}

const byV4: Proxied = { kind: 'address', address: '203.0.113.9', port: 51_234 }
const byV6: Proxied = { kind: 'address', address: '2001:db8:0:0:0:0:0:9', port: 51_234 }
const unknown: Proxied = { kind: 'unknown' }
const local: Proxied = { kind: 'local' }
const longestV1 = `PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535`.padEnd(v1MaxBytes - 2, ' ')

const headers: readonly [string, Proxied, string][] = [
  ['PROXY TCP4 203.0.113.9 198.51.100.7 51234 8080\r\n', byV4, '§2.1 TCP4'],
  ['PROXY TCP6 2001:db8::9 2001:DB8::1 0 65535\r\n', { kind: 'address', address: '2001:db8::9', port: 0 }, '§2.1 TCP6'],
  ['PROXY UNKNOWN\r\n', unknown, '§2.1 the short form'],
  [`${longestV1}\r\n`, unknown, '§2.1 the longest line'],
  [v2(0x21, 0x11, v4Block), byV4, '§2.2 TCP over IPv4'],
  [v2(0x21, 0x21, v6Block), byV6, '§2.2 TCP over IPv6'],
  [v2(0x21, 0x11, `${v4Block}\x03\x00\x04\x01\x02\x03\x04\x04\x00\x02PP`), byV4, '§2.2.7 TLVs (a CRC32C, a NOOP)'],
  [v2(0x21, 0x11, v4Block + '\x20'.repeat(4_000)), byV4, '§2.2.7 TLVs of several segments'],
  [v2(0x20, 0x00, ''), local, '§2.2 LOCAL'],
  [v2(0x20, 0x11, v4Block), local, '§2.2 LOCAL: addresses are to be ignored'],
  [v2(0x21, 0x00, ''), unknown, '§2.2 AF_UNSPEC'],
  [v2(0x21, 0x31, '\0'.repeat(216)), unknown, '§2.2 AF_UNIX'],
  [v2(0x21, 0x12, v4Block), unknown, '§2.2 a datagram is no connection'],
]

const noHeaders: readonly [string, string][] = [
  ['PROXY TCP4 203.0.113.9 198.51.100.7 51234 8080\n', '§2.1 CRLF is a must'],
  ['PROXY TCP4 203.0.113.9  198.51.100.7 51234 8080\r\n', '§2.1 one space'],
  ['PROXY TCP4 203.0.113.256 198.51.100.7 51234 8080\r\n', '§2.1 no address'],
  ['PROXY TCP4 203.0.113.9 198.51.100.7 65536 8080\r\n', '§2.1 no port'],
  ['PROXY TCP4 203.0.113.9 198.51.100.7 051234 8080\r\n', '§2.1 no leading zero'],
  ['PROXY TCP6 203.0.113.9 198.51.100.7 51234 8080\r\n', '§2.1 IPv4 under TCP6'],
  ['proxy TCP4 203.0.113.9 198.51.100.7 51234 8080\r\n', '§2.1 upper case is a must'],
  [`${longestV1} \r\n`, '§2.1 longer than 107 bytes'],
  [v2(0x11, 0x11, v4Block), '§2.2 version 1 in binary'],
  [v2(0x22, 0x11, v4Block), '§2.2 an unassigned command'],
  [v2(0x21, 0x11, v4Block.slice(1)), '§2.2 shorter than its addresses'],
  [v2(0x21, 0x11, v4Block + '\0'.repeat(v2MaxBytes)), 'longer than we read'],
]

/** Rows under their last column: the octets are no title. */
function byWhat<T extends readonly unknown[]>(rows: readonly T[]): [string, T][] {
  return rows.map((row) => [String(row.at(-1)), row])
}

function targets(script: readonly ScriptStep[], options: TranscriptOptions = {}) {
  return transcribe(script, options).transactions.map((line) => ({
    request: line.request,
    status: line.status,
    proxied: line.proxied,
  }))
}

describe('a header at the start of a connection', () => {
  it.each(byWhat(headers))('%s', (_, [header, proxied]) => {
    const script = [
      ['c', header + request],
      ['s', answer],
      ['c', request],
      ['s', answer],
    ] as const
    const each = { request: 'GET /x 1.1', status: 204, proxied }
    expect(targets(script)).toEqual([each, each])
  })

  it.each(byWhat(headers))('%s, in any cut', (_, [header]) => {
    const script = [
      ['c', header + request],
      ['s', answer],
    ] as const
    const whole = targets(script)
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 30 }), (cuts) => {
        expect(targets(script, { cuts })).toEqual(whole)
      }),
      { numRuns: 40 },
    )
  })

  it('of a flow on which the server speaks first', () => {
    const script = [
      ['c', 'PROXY UNK'],
      ['s', ''],
      ['c', `NOWN\r\n${request}`],
      ['s', answer],
    ] as const
    expect(targets(script)).toEqual([{ request: 'GET /x 1.1', status: 204, proxied: unknown }])
  })

  it('in front of TLS', () => {
    const hello = '\x16\x03\x01\x02\x00\x01\x00'
    expect(
      transcribe([
        ['c', 'PROXY UNKNOWN\r\n'],
        ['c', hello],
      ]).counters.opaqueFlows.tls,
    ).toBe(1)
  })

  it('keeps SEQ and ACK of the request, which are of its identity', () => {
    const alone = 'PROXY UNKNOWN\r\n'
    expect(transcribe([['c', alone + request]]).transactions).toEqual(
      transcribe([
        ['c', alone],
        ['c', request],
      ]).transactions,
    )
  })
})

describe('what is no header', () => {
  it.each(byWhat(noHeaders))('%s', (_, [header]) => {
    const [first] = targets([
      ['c', header + request],
      ['s', answer],
    ]).filter((line) => line.request === 'GET /x 1.1')
    expect(first?.proxied).toBeUndefined()
  })

  it('a request whose method is PROXY, in any cut', () => {
    const script = [
      ['c', request.replace('GET', 'PROXY')],
      ['s', answer],
    ] as const
    for (const cuts of [[], [1], [5, 1], [7, 3]])
      expect(targets(script, { cuts })).toEqual([{ request: 'PROXY /x 1.1', status: 204, proxied: undefined }])
  })

  it('a header in the middle of a stream: behind a request, behind another header, behind a gap', () => {
    const header = 'PROXY TCP4 6.6.6.6 198.51.100.7 51234 8080\r\n'
    const behindRequest = targets([
      ['c', request],
      ['s', answer],
      ['c', header + request],
      ['s', answer],
    ])
    expect(behindRequest.map(({ proxied }) => proxied)).toEqual(behindRequest.map(() => undefined))
    const second = targets([
      ['c', headers[0]![0] + header + request],
      ['s', answer],
    ])
    expect(second.map(({ proxied }) => proxied)).toEqual(second.map(() => byV4))
    const behindGap = targets([
      ['c', 10],
      ['c', header + request],
      ['s', answer],
    ])
    // The response may be to a request of which the header is the rest.
    expect(behindGap).toEqual([{ request: 'GET /x 1.1', status: undefined, proxied: undefined }])
  })

  it('nor what a server sends', () => {
    expect(
      targets([
        ['s', headers[0]![0]],
        ['c', request],
        ['s', answer],
      ])[0]?.proxied,
    ).toBeUndefined()
  })
})

describe('bytes that were missed', () => {
  const header = v2(0x21, 0x11, `${v4Block}${'\0'.repeat(20)}`)
  it.each<[number, number, Proxied | undefined, string]>([
    [30, 10, byV4, 'of its TLVs'],
    [30, header.length - 30, byV4, 'up to its end'],
    [20, 10, undefined, 'of its addresses'],
  ])('%i bytes seen, %i missed: %j, %s', (seen, missed, proxied) => {
    const rest = header.slice(seen + missed) + request + request
    const script = [
      ['c', header.slice(0, seen)],
      ['c', missed],
      ['c', rest],
      ['s', answer],
    ] as const
    const last = targets(script).at(-1)
    expect(last).toMatchObject({ request: 'GET /x 1.1' })
    expect(last?.proxied).toEqual(proxied)
  })
})

/** Where the header of a text ends and what it says, when the text comes in pieces. */
function headerOf(text: string, cuts: readonly number[]) {
  const bytes = Buffer.from(text, 'latin1')
  const header = new ProxyHeader(0, 0, 0)
  for (let at = 0, turn = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + (cuts[turn++ % cuts.length] ?? bytes.length))
    const next = header.push(bytes, at, end)
    if (next === notProxyHeader) {
      const held = Buffer.from(header.held.subarray(0, header.heldBeforeCount))
      return { none: held.equals(bytes.subarray(0, at)) }
    }
    if (next !== needMoreOctets) return { next, proxied: header.proxied }
    at = end
  }
  return 'open'
}

it('whatever comes, cuts change nothing, and what is held is what came', () => {
  const words = ['PROXY ', 'TCP4 ', '1.2.3.4 ', '80 ', '\r\n', signature, '\x21\x11\0\x0c', v4Block, request, 'P', '\n']
  const text = fc.array(fc.constantFrom(...words), { maxLength: 8 }).map((pieces) => pieces.join(''))
  fc.assert(
    fc.property(text, fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), (each, cuts) => {
      expect(headerOf(each, cuts)).toEqual(headerOf(each, []))
    }),
    { numRuns: 500 },
  )
})

it('what the usual requests begin with is not held', () => {
  for (const text of ['GET /', 'POST /', 'PUT /', 'PATCH /', 'PROPFIND /', '\r\nGET /', '\x16\x03\x01'])
    expect(mayStartProxyHeader(Buffer.from(text, 'latin1'), 0, text.length)).toBe(false)
})
