/**
 * Datagrams that the kernel dropped at one socket because nobody took them in time: the last column of /proc/net/udp and udp6. A socket is
 * found by the address and port that it is bound to, which are its alone.
 */

import { readFile } from 'node:fs/promises'
import { isIPv6 } from 'node:net'

/** Undefined where the kernel does not tell (no Linux), or knows no such socket. */
export async function udpDrops(address: string, port: number): Promise<number | undefined> {
  const path = isIPv6(address) ? '/proc/net/udp6' : '/proc/net/udp'
  try {
    return dropsIn(await readFile(path, 'latin1'), address, port)
  } catch {
    return undefined
  }
}

/** Of the table that such a file holds. */
export function dropsIn(table: string, address: string, port: number): number | undefined {
  const place = `${hexAddress(address)}:${port.toString(16).padStart(4, '0')}`.toUpperCase()
  let drops: number | undefined
  for (const line of table.split('\n').slice(1)) {
    const columns = line.trim().split(/\s+/)
    if (columns[1] === place) drops = (drops ?? 0) + Number(columns.at(-1))
  }
  return drops
}

/** As the kernel prints it: 32-bit words in the order of the machine, which is little-endian wherever Node runs. */
function hexAddress(address: string): string {
  const bytes = isIPv6(address) ? ipv6Bytes(address) : address.split('.').map(Number)
  let text = ''
  for (let word = 0; word < bytes.length; word += 4) {
    for (let i = 3; i >= 0; i--) text += (bytes[word + i] ?? 0).toString(16).padStart(2, '0')
  }
  return text
}

function ipv6Bytes(address: string): number[] {
  const [head = '', tail] = address.split('::')
  const groups = (text: string): number[] =>
    text === ''
      ? []
      : text.split(':').flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff])
  const before = groups(head)
  const after = tail === undefined ? [] : groups(tail)
  return [...before, ...Array<number>(16 - before.length - after.length).fill(0), ...after]
}
