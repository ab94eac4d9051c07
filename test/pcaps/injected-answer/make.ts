/** A forged answer overtakes the real one: two different segments with the same number. */

import { client, conversation, ethernetPcap, get, message, server, startUs } from '../wire.js'

export function make(): Uint8Array {
  const answer = (status: string) => message([`HTTP/1.1 ${status}`, 'Content-Length: 2'], 'no')
  const forged = conversation([client(get('/account')), server(answer('302 Found'))])
  const real = conversation([client(get('/account')), server(answer('200 Okay!'))])
  const frames = [...forged.slice(0, 6), ...real.slice(5)]
  return ethernetPcap(frames.map(({ bytes }, index) => ({ bytes, timestampUs: startUs + 100 * index })))
}
