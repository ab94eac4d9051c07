/** A small capture made for tests: a shop's API, a few clients, answers. The same bytes each time. */

import { buildConversation, type Turn } from '@tapwarden/net/frame-builder'
import { linkTypeEthernet, writePcap } from '@tapwarden/pcap/pcap-writer'

/** 2026-09-21T14:13:20Z. */
const startUs = 1_790_000_000_000_000
const microsPerConnection = 1_000_000

export interface TestCapture {
  readonly bytes: Uint8Array
  readonly packetCount: number
  readonly transactionCount: number
}

/** `clientCount` connections, each with a log-in, a list and one product. */
export function testCapture(clientCount: number): TestCapture {
  const frames = Array.from({ length: clientCount }, (_, client) => connection(client)).flat()
  return {
    bytes: writePcap(frames, { linkType: linkTypeEthernet }),
    packetCount: frames.length,
    transactionCount: 3 * clientCount,
  }
}

function connection(client: number) {
  const spec = {
    clientIp: `203.0.113.${1 + (client % 250)}`,
    clientPort: 20_000 + client,
    serverIp: '198.51.100.7',
    serverPort: 8_080,
  }
  const login = JSON.stringify({ username: `user${client}@example.com`, password: `canary-${client}` })
  const token = `eyJhbGciOiJIUzI1NiJ9.${Buffer.from(JSON.stringify({ sub: `user${client}` })).toString('base64url')}.c2lnbmF0dXJl`
  const turns = [
    request('POST /api/login', `Content-Type: application/json\r\nContent-Length: ${login.length}\r\n`, login),
    response(JSON.stringify({ token })),
    request('GET /api/products?page=1', `Authorization: Bearer ${token}\r\n`),
    response(JSON.stringify([{ id: 1, name: 'tea', price: 3.5 }])),
    request(`GET /api/products/${1000 + client}`, `Authorization: Bearer ${token}\r\n`),
    response(JSON.stringify({ id: 1000 + client, name: 'tea', price: 3.5 })),
  ]
  return buildConversation(spec, turns, startUs + client * microsPerConnection)
}

const encoder = new TextEncoder()

function request(line: string, fields: string, content = ''): Turn {
  const text = `${line} HTTP/1.1\r\nHost: shop.example:8080\r\nUser-Agent: Shop/1.0\r\n${fields}\r\n${content}`
  return { direction: 'c2s', bytes: encoder.encode(text) }
}

function response(content: string): Turn {
  const head = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${content.length}\r\n\r\n`
  return { direction: 's2c', bytes: encoder.encode(head + content) }
}
