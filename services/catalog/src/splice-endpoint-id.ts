/** Adds the endpoint's id to transactions' lines without parsing or writing the rest of them again. */

import { assert } from '@tapwarden/base/assert'

const closingBrace = 0x7d
const head = ',"endpointId":"'
const tail = '"}\n'

export interface LineOfEndpoint {
  /** A JSON object with at least one member, without newline. */
  readonly line: Uint8Array
  /** ASCII that needs no escaping. */
  readonly endpointId: string
}

/** `{…}` → `{…,"endpointId":"…"}` and a newline, each; all of them in one piece of fresh memory, which the lines share. */
export function spliceEndpointIds(lines: readonly LineOfEndpoint[]): Uint8Array[] {
  let bytes = 0
  for (const { line, endpointId } of lines) bytes += line.length - 1 + head.length + endpointId.length + tail.length
  const spliced = Buffer.allocUnsafeSlow(bytes)
  let at = 0
  return lines.map(({ line, endpointId }) => {
    const from = at
    const end = line.length - 1
    assert(line[end] === closingBrace, 'a transaction line that was decoded ends with its brace')
    spliced.set(line, at)
    at += end
    at += spliced.write(`${head}${endpointId}${tail}`, at, 'latin1')
    return spliced.subarray(from, at)
  })
}
