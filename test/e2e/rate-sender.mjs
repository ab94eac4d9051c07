/**
 * Sends datagrams at rising rates, in bursts of a millisecond's worth, and prints what the system took of them: a process of its own, so that it
 * can be put into a network of its own.
 *
 *   node rate-sender.mjs ADDRESS PORT HEX COUNT RATE…      each RATE a second, COUNT of each; HEX is the datagram
 */

import { createSocket } from 'node:dgram'
import { setTimeout as delay } from 'node:timers/promises'

const [address, port, hex, count, ...rates] = process.argv.slice(2)
const datagram = Buffer.from(hex, 'hex')
const socket = createSocket('udp4')
const steps = []
let sent = 0

for (const rate of rates.map(Number)) {
  const startedMs = performance.now()
  let [asked, settled] = [0, 0]
  while (asked < Number(count)) {
    const due = Math.min(Number(count), Math.ceil(((performance.now() - startedMs) / 1_000) * rate))
    for (; asked < due; asked++) {
      socket.send(datagram, Number(port), address, (error) => {
        settled++
        if (error === null) sent++
      })
    }
    await delay(1)
  }
  steps.push(`${count} at ${Math.round(asked / ((performance.now() - startedMs) / 1_000))}/s`)
  while (settled < asked) await delay(1)
}
socket.close()
process.stdout.write(JSON.stringify({ sent, steps }))
