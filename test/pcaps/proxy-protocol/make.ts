/** Balancers that say for whom they speak, in both versions of the PROXY protocol; and a client that says so later on. */

import { client, conversation, ethernetPcap, get, ok, server } from '../wire.js'

const v1 = 'PROXY TCP4 203.0.113.9 198.51.100.20 51234 8080\r\n'
const ipv4Addresses = [203, 0, 113, 9, 198, 51, 100, 20, 0xc8, 0x22, 0x1f, 0x90]
const ipv6Addresses = [...ipv6(9), ...ipv6(1), 0xc8, 0x22, 0x1f, 0x90]
const inTheMiddle = [
  client(get('/before')),
  server(ok('1')),
  client(Buffer.concat([Buffer.from(v1), get('/behind')])),
  server(ok('2')),
]
/** PP2_TYPE_NOOP, long enough for several segments. */
const longTlv = [0x04, 0x08, 0x00, ...new Array<number>(0x800).fill(0x41)]

function ipv6(last: number): number[] {
  return [0x20, 0x01, 0x0d, 0xb8, ...new Array<number>(11).fill(0), last]
}

function v2(command: number, family: number, rest: readonly number[]): Buffer {
  const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n')
  return Buffer.concat([signature, Buffer.from([command, family, rest.length >> 8, rest.length & 0xff, ...rest])])
}

/** One connection: a header and a request in the same bytes, then one more request. */
function behind(header: string | Uint8Array, name: string, clientPort: number, segmentMaxBytes?: number) {
  const first = Buffer.concat([Buffer.from(header), get(`/${name}/1`)])
  const turns = [client(first), server(ok('1')), client(get(`/${name}/2`)), server(ok('2'))]
  return conversation(turns, { clientPort, ...(segmentMaxBytes === undefined ? {} : { segmentMaxBytes }) })
}

export function make(): Uint8Array {
  return ethernetPcap([
    ...behind(v1, 'v1', 40_001),
    ...behind(v1, 'v1-in-sevens', 40_002, 7),
    ...behind('PROXY UNKNOWN\r\n', 'v1-unknown', 40_003),
    ...behind(v2(0x21, 0x11, ipv4Addresses), 'v2', 40_004),
    ...behind(v2(0x21, 0x21, [...ipv6Addresses, ...longTlv]), 'v2-ipv6-tlv', 40_005),
    ...behind(v2(0x21, 0x11, ipv4Addresses), 'v2-in-fives', 40_006, 5),
    ...behind(v2(0x20, 0x00, []), 'v2-local', 40_007),
    ...conversation(inTheMiddle, { clientPort: 40_008 }),
  ])
}
