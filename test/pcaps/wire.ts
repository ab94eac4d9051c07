/** What the makers of cases share: bytes of messages, one peer pair, captures as bytes. Everything is fixed, so a case is the same each time. */

import { type BuiltFrame, buildConversation, type ConversationSpec, type Turn } from '@tapwarden/net/frame-builder'
import { linkTypeEthernet, writePcap } from '@tapwarden/pcap/pcap-writer'

export const peers: ConversationSpec = {
  clientIp: '192.0.2.10',
  clientPort: 40_000,
  serverIp: '198.51.100.20',
  serverPort: 8_080,
}
/** 2026-09-21T14:13:20Z. */
export const startUs = 1_790_000_000_000_000

export function client(text: string | Uint8Array): Turn {
  return { direction: 'c2s', bytes: bytesOf(text) }
}

export function server(text: string | Uint8Array): Turn {
  return { direction: 's2c', bytes: bytesOf(text) }
}

/** Head lines and content as one message. */
export function message(lines: readonly string[], content: string | Uint8Array = ''): Uint8Array {
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), bytesOf(content)])
}

export function get(target: string): Uint8Array {
  return message([`GET ${target} HTTP/1.1`, 'Host: shop.example'])
}

export function ok(content: string): Uint8Array {
  return message(['HTTP/1.1 200 OK', 'Content-Type: text/plain', `Content-Length: ${content.length}`], content)
}

/** The frames of a whole connection: 0 to 2 open it, then each turn's segments with an acknowledgement after each turn. */
export function conversation(turns: readonly Turn[], spec: Partial<ConversationSpec> = {}): BuiltFrame[] {
  return buildConversation({ ...peers, ...spec }, turns, startUs)
}

export function ethernetPcap(frames: readonly BuiltFrame[]): Uint8Array {
  return writePcap(frames, { linkType: linkTypeEthernet })
}

/** Those at `order`, each at the time of its new place; positions may repeat or be left out. */
export function reordered(frames: readonly BuiltFrame[], order: readonly number[]): BuiltFrame[] {
  return order.map((from, place) => ({
    bytes: frames[from]?.bytes ?? new Uint8Array(0),
    timestampUs: startUs + place * 100,
  }))
}

function bytesOf(text: string | Uint8Array): Uint8Array {
  return typeof text === 'string' ? Buffer.from(text, 'latin1') : text
}
