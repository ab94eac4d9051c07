/** gRPC: a unary call, a stream of messages cut by frames, and one refused in its head. */

import {
  client,
  conversation,
  ethernetPcap,
  fieldBlock,
  frame,
  frameFlag,
  frameType,
  headers,
  http2Preface,
  requestFields,
  server,
} from '../wire.js'

const { endStream } = frameFlag

function call(id: number, method: string, contents: readonly string[]): Buffer {
  const fields = [
    ...requestFields('POST', `/shop.v1.Orders/${method}`),
    ['content-type', 'application/grpc+proto'],
    ['te', 'trailers'],
  ] as const
  return Buffer.concat([
    headers(id, fieldBlock(fields)),
    frame(frameType.data, endStream, id, contents.map(message).join('')),
  ])
}

/** Flags, length, content; Latin-1. */
function message(content: string): string {
  return `\0\0\0${String.fromCharCode(content.length >> 8, content.length & 0xff)}${content}`
}

export function make(): Uint8Array {
  const settings = frame(frameType.settings, 0, 0)
  const head = fieldBlock([8, ['content-type', 'application/grpc']])
  const done = fieldBlock([['grpc-status', '0']])
  const watched = ['a'.repeat(300), '', 'b'.repeat(20)].map(message).join('')
  return ethernetPcap(
    conversation([
      client(Buffer.concat([http2Preface, settings])),
      server(settings),
      client(Buffer.concat([call(1, 'Get', ['id']), call(3, 'Watch', ['all'])])),
      server(
        Buffer.concat([headers(1, head), frame(frameType.data, 0, 1, message('order')), headers(1, done, endStream)]),
      ),
      server(Buffer.concat([headers(3, head), frame(frameType.data, 0, 3, watched.slice(0, 102))])),
      client(call(5, 'Delete', ['id'])),
      server(headers(5, fieldBlock([8, ['content-type', 'application/grpc'], ['grpc-status', '7']]), endStream)),
      server(Buffer.concat([frame(frameType.data, 0, 3, watched.slice(102)), headers(3, done, endStream)])),
    ]),
  )
}
