/** HTTP/2 with prior knowledge: streams interleaved, one reset, one pushed, trailers, padding, CONTINUATION. */

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

const { endStream, endHeaders, padded } = frameFlag
const ok = fieldBlock([8])

export function make(): Uint8Array {
  const long = fieldBlock([...requestFields('GET', '/long'), ['x-long', 'v'.repeat(100)]])
  const promised = Buffer.concat([Buffer.from([0, 0, 0, 2]), fieldBlock(requestFields('GET', '/style.css'))])
  return ethernetPcap(
    conversation([
      client(Buffer.concat([http2Preface, frame(frameType.settings, 0, 0)])),
      server(Buffer.concat([frame(frameType.settings, 0, 0), frame(frameType.settings, 1, 0)])),
      client(
        Buffer.concat([
          headers(1, fieldBlock(requestFields('POST', '/orders'), true)),
          frame(frameType.headers, endStream, 3, long.subarray(0, 50)),
          frame(frameType.continuation, endHeaders, 3, long.subarray(50)),
          frame(frameType.data, 0, 1, 'first '),
        ]),
      ),
      client(headers(5, fieldBlock([65, 64, 63, [':path', '/slow']]), endStream)),
      server(
        Buffer.concat([
          frame(frameType.promise, endHeaders, 3, promised),
          headers(3, ok),
          frame(frameType.data, padded, 3, `\x05padded${'\0'.repeat(5)}`),
        ]),
      ),
      client(
        Buffer.concat([frame(frameType.data, endStream, 1, 'second'), frame(frameType.reset, 0, 5, '\0\0\0\x08')]),
      ),
      server(
        Buffer.concat([
          headers(3, fieldBlock([['x-sum', '7']]), endStream),
          headers(1, fieldBlock([[':status', '100']])),
        ]),
      ),
      server(
        Buffer.concat([headers(1, fieldBlock([[':status', '201']])), frame(frameType.data, endStream, 1, 'made')]),
      ),
      server(Buffer.concat([headers(2, ok), frame(frameType.data, endStream, 2, 'css')])),
    ]),
  )
}
