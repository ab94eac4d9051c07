/** Only what clients send (or only what servers answer) reaches the sensor. */

import { client, conversation, ethernetPcap, get, ok, server } from '../wire.js'

export function make(): Uint8Array {
  const turns = [client(get('/a')), server(ok('a')), client(get('/b')), server(ok('b'))]
  const isFromClient = (port: number) => (frame: { readonly bytes: Uint8Array }) =>
    new DataView(frame.bytes.buffer, frame.bytes.byteOffset).getUint16(34) === port
  const requests = conversation(turns).filter(isFromClient(40_000))
  const responses = conversation(turns, { clientPort: 40_001 }).filter(isFromClient(8_080))
  return ethernetPcap([...requests, ...responses])
}
