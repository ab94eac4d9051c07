/** What the connection tells of its bytes → the transaction that says it. */

import { expect, it } from 'vitest'
import { HttpFlow } from './http-flow.js'
import { defaultHttpLimits, HttpCounters } from './http-limits.js'
import { MessagePool } from './message.js'

const get = 'GET / HTTP/1.1\r\n\r\n'
const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
const hints = 'HTTP/1.1 103 Early Hints\r\n\r\n'
const upgrade = 'HTTP/1.1 101 S\r\nUpgrade: websocket\r\n\r\n'

/** `c` and `s`: bytes of a direction; `c!` and `s!`: something odd in it. */
type Step = readonly ['c' | 's', string] | readonly ['c!' | 's!', `tcp.${string}`]

function anomaliesOf(steps: readonly Step[]): string[][] {
  const said: string[][] = []
  const flow = new HttpFlow({
    pool: new MessagePool(defaultHttpLimits, new HttpCounters()),
    midStream: false,
    sink: ({ anomalies }) => said.push([...anomalies]),
  })
  for (const [what, text] of steps) {
    const direction = what[0] === 'c' ? 'c2s' : 's2c'
    if (what === 'c!' || what === 's!') flow.anomaly(direction, text as `tcp.${string}`)
    else flow.bytes(direction, Buffer.from(text), 0, text.length, 1, 1, 1)
  }
  flow.end('c2s', 'end-of-capture', 2)
  flow.end('s2c', 'end-of-capture', 2)
  return said
}

it.each<[string, readonly Step[], readonly (readonly string[])[]]>([
  [
    'before the request',
    [
      ['c!', 'tcp.a'],
      ['c', get],
      ['s', ok],
    ],
    [['tcp.a']],
  ],
  [
    'amid the request',
    [
      ['c', 'GET'],
      ['c!', 'tcp.a'],
      ['c', get.slice(3)],
      ['s', ok],
    ],
    [['tcp.a']],
  ],
  [
    'behind a request that waits',
    [
      ['c', get],
      ['c!', 'tcp.a'],
      ['s', ok],
    ],
    [['tcp.a']],
  ],
  [
    'before the response',
    [
      ['c', get],
      ['s!', 'tcp.a'],
      ['s', ok],
      ['c', get],
      ['s', ok],
    ],
    [['tcp.a'], []],
  ],
  [
    'amid the response',
    [
      ['c', get],
      ['s', ok.slice(0, -1)],
      ['s!', 'tcp.a'],
      ['s', 'k'],
    ],
    [['tcp.a']],
  ],
  [
    'behind a transaction: the next one',
    [
      ['c', get],
      ['s', ok],
      ['s!', 'tcp.a'],
      ['c', get],
      ['s', ok],
    ],
    [[], ['tcp.a']],
  ],
  [
    'before an interim response: the final one',
    [
      ['c', get],
      ['s!', 'tcp.a'],
      ['s', hints],
      ['s', ok],
    ],
    [['tcp.a']],
  ],
  [
    'behind a WebSocket handshake that is held',
    [
      ['c', get],
      ['s', upgrade],
      ['c!', 'tcp.a'],
    ],
    [['tcp.a']],
  ],
  [
    'often',
    [
      ['c!', 'tcp.a'],
      ['c!', 'tcp.a'],
      ['c!', 'tcp.b'],
      ['c', get],
      ['c!', 'tcp.b'],
    ],
    [['tcp.a', 'tcp.b']],
  ],
  [
    'with nothing behind it',
    [
      ['c!', 'tcp.a'],
      ['s!', 'tcp.b'],
    ],
    [],
  ],
])('%s', (_name, steps, expected) => expect(anomaliesOf(steps)).toEqual(expected))
