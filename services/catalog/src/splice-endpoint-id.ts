/** Adds the endpoint's id to a transaction's line without parsing or writing the rest of it again. */

import { assert } from '@tapwarden/base/assert'

const encoder = new TextEncoder()
const closingBrace = 0x7d
const newline = 0x0a

/** `{…}` or `{…}\n` → `{…,"endpointId":"…"}\n` in fresh bytes. The line is a JSON object with at least one member; `id` needs no escaping. */
export function spliceEndpointId(line: Uint8Array, id: string): Uint8Array {
  const end = line[line.length - 1] === newline ? line.length - 2 : line.length - 1
  assert(line[end] === closingBrace, 'a transaction line that was decoded ends with its brace')
  const tail = encoder.encode(`,"endpointId":"${id}"}\n`)
  const out = new Uint8Array(end + tail.length)
  out.set(line.subarray(0, end))
  out.set(tail, end)
  return out
}

/** Lines of a record's value, without their newlines; borrowed from it. */
export function splitLines(value: Uint8Array): Uint8Array[] {
  const lines: Uint8Array[] = []
  for (let start = 0; start < value.length; ) {
    let end = value.indexOf(newline, start)
    if (end < 0) end = value.length
    if (end > start) lines.push(value.subarray(start, end))
    start = end + 1
  }
  return lines
}
