/** The second half of a request comes early, and again with other bytes, before the first half does. */

import { client, conversation, ethernetPcap, get, message, server, startUs } from '../wire.js'

export function make(): Uint8Array {
  const halves = (path: string) => {
    const request = Buffer.from(get(path))
    return [client(request.subarray(0, 5)), client(request.subarray(5))]
  }
  const answer = server(message(['HTTP/1.1 200 OK', 'Content-Length: 2'], 'ok'))
  const forged = conversation([...halves('/status'), answer])
  const real = conversation([...halves('/wallet'), answer])
  // SYN, SYN-ACK, ACK, half, ACK, half, ACK, answer, …
  const [handshake, first, early, rest] = [real.slice(0, 3), real[3], real[5], real.slice(6)]
  const frames = [...handshake, forged[5], early, first, ...rest].filter((frame) => frame !== undefined)
  return ethernetPcap(frames.map(({ bytes }, index) => ({ bytes, timestampUs: startUs + 100 * index })))
}
