/** `Upgrade: h2c`: the request of HTTP/1.1 is answered on stream 1, the next ones have streams of their own. */

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
  message,
  requestFields,
  server,
} from '../wire.js'

const ok = fieldBlock([8])

export function make(): Uint8Array {
  const upgrade = ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABk']
  const settings = frame(frameType.settings, 0, 0)
  return ethernetPcap(
    conversation([
      client(message(['GET /first HTTP/1.1', 'Host: shop.example', ...upgrade])),
      server(
        Buffer.concat([
          message(['HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: h2c']),
          settings,
          headers(1, ok),
          frame(frameType.data, frameFlag.endStream, 1, 'first'),
        ]),
      ),
      client(Buffer.concat([http2Preface, settings])),
      client(headers(3, fieldBlock(requestFields('GET', '/second')), frameFlag.endStream)),
      server(Buffer.concat([headers(3, ok), frame(frameType.data, frameFlag.endStream, 3, 'second')])),
    ]),
  )
}
