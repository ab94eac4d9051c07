/**
 * Keep-alive API traffic as a sensor sees it that gets segments late, twice or never, and the list of what was truly sent: made of a
 * seed alone. The receiver got every byte: what is missing is missing from the capture only, so that nobody repeats it.
 */

import { crc32, gzipSync } from 'node:zlib'
import { type BuiltFrame, ConversationBuilder } from '@tapwarden/net/frame-builder'
import { linkTypeEthernet, writePcap } from '@tapwarden/pcap/pcap-writer'
import { Random } from '../random.js'
import type { TrueTransaction } from './loss-scoring.js'

export interface Impairment {
  readonly seed: number
  /** Shares of the data segments. */
  readonly lostRatio: number
  readonly lateRatio: number
  readonly twiceRatio: number
}

export interface ImpairedCapture {
  readonly capture: Uint8Array
  readonly truths: TrueTransaction[]
}

const connectionCount = 50
const requestsPerConnection = 20
const segmentMaxBytes = 1_460
const startUs = 1_790_000_000_000_000

interface Sent {
  readonly head: Uint8Array
  readonly content: Uint8Array
}

export function impairedCapture(impairment: Impairment): ImpairedCapture {
  const random = new Random(impairment.seed)
  // Its own chance, so that the traffic is the same whatever happens to it.
  const accidents = new Random(impairment.seed ^ 0x5eed)
  const frames: BuiltFrame[] = []
  const truths: TrueTransaction[] = []
  for (let index = 0; index < connectionCount; index++) {
    const builder = new ConversationBuilder({
      clientIp: `192.0.2.${index}`,
      clientPort: 40_000 + index,
      serverIp: '198.51.100.1',
      serverPort: 8_080,
      clientIsn: random.below(0xffff_ffff),
      serverIsn: random.below(0xffff_ffff),
    })
    let atUs = startUs + index * 700
    frames.push(...builder.open(atUs))
    for (let turn = 0; turn < requestsPerConnection; turn++) {
      const uri = `/api/items/${index}?rid=${truths.length}`
      const request = requestOf(random, uri)
      const answer = answerOf(random, truths.length)
      const lost = new Set<string>()
      atUs += 3_000 + random.below(20_000)
      frames.push(...impaired(builder.data('c2s', wire(request), atUs), request, 'req', atUs, lost))
      atUs += 2_000 + random.below(20_000)
      frames.push(...impaired(builder.data('s2c', wire(answer), atUs), answer, 'resp', atUs, lost))
      truths.push(truthOf(`192.0.2.${index}:${40_000 + index}->198.51.100.1:8080`, uri, request, answer, lost))
    }
    frames.push(...builder.finish('c2s', atUs + 9_000), ...builder.finish('s2c', atUs + 9_100))
  }
  frames.sort((a, b) => a.timestampUs - b.timestampUs)
  return { capture: writePcap(frames, { linkType: linkTypeEthernet }), truths }

  function impaired(sent: BuiltFrame[], { head, content }: Sent, side: string, atUs: number, lost: Set<string>) {
    return sent.flatMap(({ bytes }, index) => {
      const frame = { bytes, timestampUs: atUs + 12 * index }
      if (index === sent.length - 1) return [frame] // The other side's acknowledgement.
      if (accidents.chance(impairment.lostRatio)) {
        const from = index * segmentMaxBytes
        if (from < head.length) lost.add(`${side}_head`)
        if (content.length > 0 && from + segmentMaxBytes > head.length) lost.add(`${side}_body`)
        return []
      }
      if (accidents.chance(impairment.lateRatio)) {
        return [{ bytes, timestampUs: frame.timestampUs + 60 + accidents.below(740) }]
      }
      if (!accidents.chance(impairment.twiceRatio)) return [frame]
      return [frame, { bytes, timestampUs: frame.timestampUs + 300 + accidents.below(600) }]
    })
  }
}

function requestOf(random: Random, uri: string): Sent {
  const content = random.chance(0.2)
    ? Buffer.from(`{"id":${random.below(1_000_000)},"note":"${random.hex(300)}"}`)
    : noBytes
  const method = content.length > 0 ? 'POST' : 'GET'
  const type = content.length > 0 ? `Content-Type: application/json\r\nContent-Length: ${content.length}\r\n` : ''
  const head = `${method} ${uri} HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: okhttp/4.12.0\r\nX-Trace: ${random.hex(32)}\r\n${type}\r\n`
  return { head: Buffer.from(head), content }
}

interface Answer extends Sent {
  readonly decoded: Uint8Array
}

function answerOf(random: Random, rid: number): Answer {
  const isLarge = random.chance(0.1)
  const decoded = Buffer.from(`{"rid":${rid},"text":"${random.hex(isLarge ? 12_000 : 1_800)}"}`)
  const isZipped = random.chance(0.2)
  const isChunked = random.chance(0.2)
  const encoded = isZipped ? gzipSync(decoded) : decoded
  const content = isChunked
    ? Buffer.concat([Buffer.from(`${encoded.length.toString(16)}\r\n`), encoded, Buffer.from('\r\n0\r\n\r\n')])
    : encoded
  const framing = isChunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${content.length}`
  const coding = isZipped ? 'Content-Encoding: gzip\r\n' : ''
  const head = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n${coding}${framing}\r\n\r\n`
  return { head: Buffer.from(head), content, decoded }
}

function truthOf(conn: string, uri: string, request: Sent, answer: Answer, lost: Set<string>): TrueTransaction {
  const unless = <Value>(parts: readonly string[], value: Value) =>
    parts.some((part) => lost.has(part)) ? null : value
  const hasContent = request.content.length > 0
  return {
    conn,
    method: hasContent ? 'POST' : 'GET',
    host: unless(['req_head'], 'shop.example'),
    uri,
    req_version: unless(['req_head'], 'HTTP/1.1'),
    status: unless(['resp_head'], 200),
    req_body_len: unless(['req_head', 'req_body'], request.content.length),
    resp_body_len: unless(['resp_head', 'resp_body'], answer.decoded.length),
    user_agent: unless(['req_head'], 'okhttp/4.12.0'),
    req_content_type: unless(['req_head'], hasContent ? 'application/json' : null),
    resp_content_type: unless(['resp_head'], 'application/json'),
    req_crc32: unless(['req_head', 'req_body'], hasContent ? crc32(request.content) : null),
    resp_crc32: unless(['resp_head', 'resp_body'], crc32(answer.decoded)),
    ...(lost.size === 0 ? {} : { _lost: [...lost] }),
  }
}

function wire({ head, content }: Sent): Uint8Array {
  return Buffer.concat([head, content])
}

const noBytes = new Uint8Array(0)
