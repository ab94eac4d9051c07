/** A connection that was joined midway: fields in the table are not known, what is added later is. */

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
const answer = (id: number, content: string) =>
  server(Buffer.concat([headers(id, fieldBlock([8])), frame(frameType.data, endStream, id, content)]))

export function make(): Uint8Array {
  const settings = frame(frameType.settings, 0, 0)
  const user: readonly [string, string] = ['x-user', 'u1']
  const frames = conversation([
    client(Buffer.concat([http2Preface, settings])),
    server(settings),
    client(headers(1, fieldBlock([...requestFields('GET', '/first'), user], true), endStream)),
    answer(1, 'first'),
    // All of it stands in the table: method, scheme, authority, path, x-user, oldest first.
    client(headers(3, fieldBlock([66, 65, 64, 63, 62]), endStream)),
    answer(3, 'again'),
    // Method and path are told, authority and x-user not.
    client(headers(5, fieldBlock([2, 65, 64, [':path', '/third'], 62]), endStream)),
    answer(5, 'third'),
    // Told and added, then referred to.
    client(headers(7, fieldBlock([...requestFields('GET', '/fourth'), user], true), endStream)),
    answer(7, 'fourth'),
    client(headers(9, fieldBlock([66, 65, 64, 63, 62]), endStream)),
    answer(9, 'fifth'),
  ])
  return ethernetPcap(frames.slice(11))
}
