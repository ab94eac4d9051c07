/** For tests: frames and header blocks of HTTP/2 as bytes. RFC 9113 §4.1, RFC 7541 §6. */

import { FrameType } from './http2-frame.js'

export type FieldSpec = readonly [name: string, value: string]

export const http2Preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
export const endStream = 0x01
export const endHeaders = 0x04
export const padded = 0x08
export const priority = 0x20

export function frame(type: number, flags: number, streamId: number, payload: string | Uint8Array = ''): Buffer {
  const bytes = Buffer.from(payload as string, 'latin1')
  const head = Buffer.alloc(9)
  head.writeUIntBE(bytes.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(streamId, 5)
  return Buffer.concat([head, bytes])
}

export function settings(...entries: readonly (readonly [identifier: number, value: number])[]): Buffer {
  const payload = Buffer.alloc(entries.length * 6)
  entries.forEach(([identifier, value], index) => {
    payload.writeUInt16BE(identifier, index * 6)
    payload.writeUInt32BE(value, index * 6 + 2)
  })
  return frame(FrameType.settings, 0, 0, payload)
}

/** Fields as literals without Huffman code; `isAdded`: into the dynamic table. */
export function fieldBlock(fields: readonly FieldSpec[], isAdded = false): Buffer {
  const parts = fields.flatMap(([name, value]) => [Buffer.from([isAdded ? 0x40 : 0]), text(name), text(value)])
  return Buffer.concat(parts)
}

/** A reference to entry `index`, below 127. */
export function reference(index: number): Buffer {
  return Buffer.from([0x80 | index])
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1')
  if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes])
  const octets = [127]
  let rest = bytes.length - 127
  for (; rest >= 128; rest = Math.floor(rest / 128)) octets.push((rest % 128) + 128)
  return Buffer.concat([Buffer.from([...octets, rest]), bytes])
}

export function headers(streamId: number, block: Uint8Array, flags = 0): Buffer {
  return frame(FrameType.headers, endHeaders | flags, streamId, block)
}

export function data(streamId: number, content: string | Uint8Array, flags = 0): Buffer {
  return frame(FrameType.data, flags, streamId, content)
}

export function requestFields(method: string, path: string, ...more: readonly FieldSpec[]): FieldSpec[] {
  return [[':method', method], [':scheme', 'http'], [':authority', 'shop.example'], [':path', path], ...more]
}

export function get(streamId: number, path: string, ...more: readonly FieldSpec[]): Buffer {
  return headers(streamId, fieldBlock(requestFields('GET', path, ...more)), endStream)
}

export function post(streamId: number, path: string, content: string, ...more: readonly FieldSpec[]): Buffer {
  const block = fieldBlock(requestFields('POST', path, ...more))
  return Buffer.concat([headers(streamId, block), data(streamId, content, endStream)])
}

export function answer(streamId: number, status: number, content: string, ...more: readonly FieldSpec[]): Buffer {
  const block = fieldBlock([[':status', String(status)], ...more])
  if (content === '') return headers(streamId, block, endStream)
  return Buffer.concat([headers(streamId, block), data(streamId, content, endStream)])
}

/** A gRPC message. */
export function grpcMessage(content: string, flags = 0): Buffer {
  const head = Buffer.alloc(5)
  head[0] = flags
  head.writeUInt32BE(content.length, 1)
  return Buffer.concat([head, Buffer.from(content, 'latin1')])
}
