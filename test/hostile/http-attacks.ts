/** Within HTTP/1: bombs, fields, chunk extensions and pipelines without end. */

import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { concatenated } from '../fuzz/fuzz-frame.js'
import { type Attack, EndlessStream, inSegments, latin1 } from './attack.js'

const get = latin1('GET /bomb HTTP/1.1\r\nHost: shop.example\r\n\r\n')

/** A zstd frame of blocks that each repeat one byte 131,072 times. RFC 8878 §3.1.1. */
export function zstdBomb(blockCount: number): Uint8Array {
  const bytes = new Uint8Array(6 + 4 * blockCount)
  bytes.set([0x28, 0xb5, 0x2f, 0xfd, 0, 0x48]) // A window of 512 KiB.
  const view = new DataView(bytes.buffer)
  for (let block = 0; block < blockCount; block++) {
    const header = (block === blockCount - 1 ? 1 : 0) | (1 << 1) | (131_072 << 3)
    view.setUint16(6 + 4 * block, header & 0xffff, true)
    view.setUint8(8 + 4 * block, header >> 16)
    view.setUint8(9 + 4 * block, 0x20)
  }
  return bytes
}

function bomb(name: string, coding: string, make: () => Uint8Array): Attack {
  return {
    name: `${name} bombs`,
    unit: 'responses',
    fullCount: 300,
    shortCount: 3,
    start: () => {
      const content = make()
      const head = latin1(
        `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: ${coding}\r\nContent-Length: ${content.length}\r\n\r\n`,
      )
      const response = concatenated(head, content)
      return (step) => {
        const stream = new EndlessStream(step, true)
        return [stream.answer(get), ...inSegments(stream, response)]
      }
    },
    clock: (step) => 20_000 * step,
    toldBy: ['http.content-coding-limit', 'http.content-coding-unsupported'],
  }
}

const zeros = () => new Uint8Array(128 * 1_048_576)

/** Bytes from an endless sender of one kind, 1,400 a step. */
function endless(name: string, first: string, more: string, isFromServer: boolean, toldBy: readonly string[]): Attack {
  return {
    name,
    unit: 'segments',
    fullCount: 75_000, // 105 MB
    shortCount: 4_000,
    start: () => {
      const stream = new EndlessStream(1, isFromServer)
      const bytes = latin1(more.repeat(Math.ceil(1_400 / more.length)).slice(0, 1_400))
      return (step) => {
        if (step > 0) return [stream.segment(bytes)]
        return isFromServer ? [stream.answer(get), stream.segment(latin1(first))] : [stream.segment(latin1(first))]
      }
    },
    toldBy,
  }
}

const pipelinedRequest = latin1(
  'GET /items/1?page=2 HTTP/1.1\r\nHost: shop.example\r\nAuthorization: Bearer 0123456789\r\n\r\n',
)

export const httpAttacks: readonly Attack[] = [
  bomb('gzip', 'gzip', () => gzipSync(zeros(), { level: 9 })),
  bomb('gzip in gzip', 'gzip, gzip', () => gzipSync(gzipSync(zeros(), { level: 9 }), { level: 9 })),
  bomb('br', 'br', () => brotliCompressSync(zeros(), { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } })),
  bomb('zstd', 'zstd', () => zstdBomb(8_000)),
  endless('100 MB of fields', 'POST /f HTTP/1.1\r\nHost: a\r\n', 'x-filler-abcdef: 0123456789abcdef\r\n', false, [
    'http.head-too-long',
  ]),
  endless('a field without end', 'GET /f HTTP/1.1\r\nHost: a\r\nX: ', 'y', false, ['http.head-too-long']),
  endless('a start line without end', 'GET /', 'a', false, ['http.head-too-long', 'http.start-line-invalid']),
  endless('chunk extensions without end', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=', 'x', true, []),
  endless(
    'a chunk extension each byte',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
    '1;e=xxxxxxxxx\r\na\r\n',
    true,
    [],
  ),
  endless(
    'trailers without end',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n',
    'x-trailer: 0123456789\r\n',
    true,
    ['http.head-too-long'],
  ),
  endless('interim responses without end', 'HTTP/1.1 100 Continue\r\n\r\n', 'HTTP/1.1 100 Continue\r\n\r\n', true, []),
  endless('content without end', 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[', '{"a":1},', true, []),
  {
    name: 'pipelined requests',
    unit: 'requests',
    fullCount: 1_000_000,
    shortCount: 20_000,
    start: () => {
      const stream = new EndlessStream(1)
      const requests = concatenated(...Array.from({ length: 10 }, () => pipelinedRequest))
      return (step) => (step % 10 === 0 ? [stream.segment(requests)] : [])
    },
    toldBy: ['http.pipeline-overflow'],
  },
  {
    name: 'pipelined requests of 60 KB on many connections',
    unit: 'requests',
    fullCount: 12_000,
    shortCount: 200,
    shortLimits: { httpLimits: { totalBufferedMaxBytes: 4_194_304 } },
    start: () => {
      const streams = Array.from({ length: 1_000 }, (_, index) => new EndlessStream(12_000_000 + index))
      const request = latin1(`GET / HTTP/1.1\r\nHost: a\r\nX: ${'y'.repeat(60_000)}\r\n\r\n`)
      return (step) => inSegments(streams[step % streams.length]!, request)
    },
    clock: (step) => 900 * step,
    toldBy: ['http.pipeline-overflow', 'http.bufferOverflowCount', 'flow.evicted'],
  },
]
