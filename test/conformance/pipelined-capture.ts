/**
 * Connections on which several requests are sent before their responses come, as a sensor sees them that gets segments late, twice or never, amid
 * forged ones: made of a seed alone. Each request names itself in its target, `/n`, and its response in a field, `X-Answers: n`. A client
 * sends the next batch when it has every response to the one before.
 */

import { tcpAck, tcpFin, tcpRst, tcpSyn } from '@tapwarden/net/frame'
import { type BuiltFrame, buildFrame } from '@tapwarden/net/frame-builder'
import { seqAdd } from '@tapwarden/net/sequence'
import { linkTypeEthernet, writePcap } from '@tapwarden/pcap/pcap-writer'
import type { Random } from '../random.js'

export interface PipelinedSpec {
  readonly connectionCount: number
  /** Of all segments with data; half as much of the others. */
  readonly lostRatio: number
  readonly lateRatio: number
  readonly twiceRatio: number
  /** Segments that no peer sent, between those that one did: their share. */
  readonly forgedRatio: number
}

const startUs = 1_790_000_000_000_000
const anyLetters = 'abcdefgh '

export function pipelinedCapture(spec: PipelinedSpec, random: Random): Uint8Array {
  const frames: BuiltFrame[] = []
  for (let index = 0; index < spec.connectionCount; index++) frames.push(...connection(index, spec, random))
  frames.sort((a, b) => a.timestampUs - b.timestampUs)
  return writePcap(frames, { linkType: linkTypeEthernet })
}

type Side = 'client' | 'server'

function connection(index: number, spec: PipelinedSpec, random: Random): BuiltFrame[] {
  const ends = {
    client: { ip: `10.0.${index >> 8}.${index & 255}`, port: 10_000 + index },
    server: { ip: '10.9.9.9', port: 80 },
  }
  const nextSeq = { client: random.below(0xffff_ffff), server: random.below(0xffff_ffff) }
  const stepUs = pick(random, [50, 300, 3_000])
  const frames: BuiltFrame[] = []
  let atUs = startUs + index * 300

  const made = (from: Side, seq: number, ack: number, flags: number, payload: Uint8Array): Uint8Array => {
    const [source, destination] = from === 'client' ? [ends.client, ends.server] : [ends.server, ends.client]
    return buildFrame({
      sourceIp: source.ip,
      sourcePort: source.port,
      destinationIp: destination.ip,
      destinationPort: destination.port,
      seq: seq >>> 0,
      ack: ack >>> 0,
      flags,
      payload,
    })
  }
  const send = (from: Side, flags: number, payload: Uint8Array = new Uint8Array(0)) => {
    atUs += stepUs
    const seq = nextSeq[from]
    const ack = nextSeq[from === 'client' ? 'server' : 'client']
    nextSeq[from] = seqAdd(seq, payload.length + ((flags & (tcpSyn | tcpFin)) === 0 ? 0 : 1))
    if (random.chance(spec.forgedRatio)) forge(from)
    if (random.chance(payload.length > 0 ? spec.lostRatio : spec.lostRatio / 2)) return
    const bytes = made(from, seq, ack, flags, payload)
    const timestampUs = atUs + (random.chance(spec.lateRatio) ? pick(random, [100, 900, 5_000]) : 0)
    frames.push({ bytes, timestampUs })
    if (random.chance(spec.twiceRatio)) frames.push({ bytes, timestampUs: timestampUs + pick(random, [1, 700, 3_000]) })
  }
  // What a receiver ignores, by RFC 9293 §3.10.7.4 and RFC 5961.
  const forge = (from: Side) => {
    const [seq, ack] = [nextSeq[from], nextSeq[from === 'client' ? 'server' : 'client']]
    const junk = Buffer.from('HTTP/1.1 200 OK\r\nX-Answers: forged\r\nContent-Length: 0\r\n\r\n')
    const forgeries: readonly (() => Uint8Array)[] = [
      () => made(from, seq, seqAdd(ack, 500_000), tcpAck, new Uint8Array(0)),
      () => made(from, seqAdd(seq, 1_000_000_000), ack, tcpAck, junk),
      () => made(from, seq - 60_000, ack, tcpAck, junk),
      () => made(from, seq - 1, ack, tcpAck, new Uint8Array(1)),
      () => made(from, seqAdd(seq, 900_000_000), ack, tcpRst, new Uint8Array(0)),
      () => made(from, seq - 5_000, ack, tcpFin | tcpAck, new Uint8Array(0)),
      () => made(from, seq, 0, tcpSyn, junk),
    ]
    // Known for what it is by the bytes that the receiver reads at its numbers, so these must not be lost.
    const unread = () => made(from, seq, seqAdd(ack, 300_000), tcpAck, junk)
    const forgery = pick(random, spec.lostRatio === 0 && from === 'client' ? [...forgeries, unread] : forgeries)
    frames.push({ bytes: forgery(), timestampUs: atUs + random.below(3) })
  }
  const sendInPieces = (from: Side, bytes: Uint8Array, segmentMaxBytes: number) => {
    for (let at = 0; at < bytes.length; at += segmentMaxBytes) {
      send(from, tcpAck, bytes.subarray(at, at + segmentMaxBytes))
    }
  }

  send('client', tcpSyn)
  send('server', tcpSyn | tcpAck)
  send('client', tcpAck)
  let count = 0
  for (let batch = 1 + random.below(5); batch > 0; batch--) {
    const exchanges = Array.from({ length: pick(random, [1, 1, 1, 2, 3, 6]) }, () =>
      exchange(`${index}-${count++}`, random),
    )
    const segmentMaxBytes = pick(random, [300, 1_400, 1_400, 4_000])
    const requests = exchanges.map(({ request }) => request)
    const responses = exchanges.map(({ response }) => response)
    for (const bytes of random.chance(0.3) ? [Buffer.concat(requests)] : requests) {
      sendInPieces('client', bytes, segmentMaxBytes)
    }
    if (random.chance(0.5)) send('server', tcpAck)
    for (const bytes of random.chance(0.6) ? [Buffer.concat(responses)] : responses) {
      sendInPieces('server', bytes, segmentMaxBytes)
      if (random.chance(0.5)) send('client', tcpAck)
    }
  }
  if (random.chance(0.8)) {
    send('client', tcpFin | tcpAck)
    send('server', tcpFin | tcpAck)
    send('client', tcpAck)
  }
  return frames
}

function exchange(name: string, random: Random): { request: Uint8Array; response: Uint8Array } {
  const requestContent = letters(random, pick(random, [0, 0, 0, 3, 300, 2_000]))
  const content = letters(random, pick(random, [0, 5, 50, 800, 3_000, 6_000]))
  const padding = random.chance(0.1) ? [`X-Padding: ${'y'.repeat(2_000)}`] : []
  const answers = `X-Answers: ${name}`
  const kind = random.below(8)
  const head = (lines: readonly string[]) => `${lines.join('\r\n')}\r\n\r\n`
  const chunked = (text: string) => `${text === '' ? '' : `${text.length.toString(16)}\r\n${text}\r\n`}0\r\n\r\n`
  const start = (method: string) => [`${method} /${name} HTTP/1.1`, 'Host: shop.example', ...padding]
  const length = (text: string) => `Content-Length: ${text.length}`
  let request: string
  if (kind === 0) request = head(start('HEAD'))
  else if (requestContent === '') request = head(start('GET'))
  else if (random.chance(0.3)) request = head([...start('PUT'), 'Transfer-Encoding: chunked']) + chunked(requestContent)
  else request = head([...start('POST'), length(requestContent)]) + requestContent
  const ok = ['HTTP/1.1 200 OK', answers]
  let response = head([...ok, length(content)]) + content
  if (kind === 0) response = head([...ok, 'Content-Length: 777'])
  else if (kind === 1) response = head(['HTTP/1.1 304 Not Modified', answers, 'Content-Length: 777'])
  else if (kind === 2) response = head(['HTTP/1.1 103 Early Hints', 'Link: x']) + response
  else if (kind < 5) response = head([...ok, 'Transfer-Encoding: chunked']) + chunked(content)
  return { request: Buffer.from(request), response: Buffer.from(response) }
}

function letters(random: Random, count: number): string {
  let text = ''
  for (let i = 0; i < count; i++) text += anyLetters[random.below(anyLetters.length)]
  return text
}

function pick<Value>(random: Random, values: readonly Value[]): Value {
  return values[random.below(values.length)] as Value
}
