import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { capturesBelow, compare, differenceOf, explainedDifferences } from './tshark-differential.js'
import { transactionsOf, tsharkVersion } from './tshark-transactions.js'

const pcaps = join(dirname(fileURLToPath(import.meta.url)), '..', 'pcaps')
const get = { method: 'GET', host: 'h', uri: '/', status: 200 }

it('compares multisets', () => {
  const post = { ...get, method: 'POST', status: null }
  expect(compare([get, get, post], [get, { ...get, status: 404 }])).toEqual({
    commonCount: 1,
    onlyOurs: ['["GET","h","/",200]', '["POST","h","/",null]'],
    onlyTshark: ['["GET","h","/",404]'],
  })
})

it('reads messages, several a packet, and which answers which', () => {
  const packet = (frame: string, ...http: unknown[]) => ({
    _source: { layers: { frame: { 'frame.number': frame }, tcp: { 'tcp.stream': '0' }, http } },
  })
  const request = (uri: string) => ({
    [`GET ${uri} HTTP/1.1\\r\\n`]: { 'http.request.method': 'GET', 'http.request.uri': uri },
    'http.host': ['h', 'second'],
  })
  const response = (status: string, more = {}) => ({ line: { 'http.response.code': status }, ...more })
  expect(
    transactionsOf([
      packet('1', request('/a'), request('/b')),
      packet('2', request('/c')),
      packet('3', response('100'), response('203', { 'http.request_in': '2' }), response('201')),
    ]),
  ).toEqual([
    { ...get, uri: '/a', status: 201 },
    { ...get, uri: '/b', status: null },
    { ...get, uri: '/c', status: 203 },
  ])
})

const version = tsharkVersion()
// Where everything is to be tested, its absence is a failure.
const isMust = process.env['CI'] === 'true'

describe.skipIf(version === undefined && !isMust)(`beside ${version ?? 'tshark, which is not installed'}`, () => {
  const explained = explainedDifferences()
  it.each([...capturesBelow(pcaps)])('%s: alike, or different for a reason given', (name, file) => {
    expect(version, 'tshark is installed').toBeDefined()
    const difference = differenceOf(file)
    const hint = `tshark-differences.md lists exactly the captures that differ: ${JSON.stringify(difference)}`
    expect(difference !== undefined, hint).toBe(explained.has(name))
  })
})
