import { expect, it } from 'vitest'
import { spliceEndpointIds } from './splice-endpoint-id.js'

const bytes = (text: string) => new TextEncoder().encode(text)

it.each<[[string, string][], string, string]>([
  [[['{"a":1}', 'e1']], '{"a":1,"endpointId":"e1"}\n', 'one line'],
  [
    [
      ['{"a":"é}"}', 'e1'],
      ['{"b":{"c":[]}}', 'endpoint2'],
    ],
    '{"a":"é}","endpointId":"e1"}\n{"b":{"c":[]},"endpointId":"endpoint2"}\n',
    'lines of different lengths side by side, bytes and not characters counted',
  ],
  [[], '', 'nothing'],
])('%j → %j: %s', (lines, expected, _why) => {
  const given = lines.map(([line, endpointId]) => ({ line: bytes(line), endpointId }))
  const spliced = spliceEndpointIds(given)
  expect(spliced.length).toBe(lines.length)
  expect(Buffer.concat(spliced).toString()).toBe(expected)
  expect(given.map(({ line }) => new TextDecoder().decode(line))).toEqual(lines.map(([line]) => line))
})
