/** Contents that shape readers must survive: JSON, forms, multipart and XML, too deep, too wide, cut, or not what they are called. */

import type { Random } from '../random.js'
import { noisy, randomBytes } from './byte-mutations.js'
import { concatenated, latin1Bytes } from './fuzz-frame.js'

/** Mostly small: what matters is the shape of it. */
export function mutatedContent(content: Uint8Array, random: Random): Uint8Array {
  if (content.length > 0 && random.chance(0.4)) return noisy(content, random, 1 + random.below(5))
  const made = random.pick(makers)(random)
  return random.chance(0.3) ? noisy(made, random, 1 + random.below(4)) : made
}

const leaves = [
  '0',
  '-0',
  '1e999',
  '123456789012345678901234567890',
  '0.1',
  'true',
  'null',
  '""',
  '"\\ud800"',
  '"\\u0000"',
  '"\\',
  '"a',
  '"4111111111111111"',
  '"ann@example.org"',
  '"\xff"',
  'NaN',
  '[]',
  '{}',
  '\\',
  '"\\"\\\\"',
]
const names = [
  'a',
  'password',
  'user',
  '__proto__',
  'constructor',
  'toString',
  '',
  'é',
  '\\u0061',
  'card',
  'x'.repeat(300),
  'a.b',
  'a[]',
  '"',
  '\\n',
]

function value(random: Random, depth: number): string {
  if (depth <= 0 || random.chance(0.4)) return random.pick(leaves)
  const count = random.below(5)
  if (random.chance(0.5))
    return `[${Array.from({ length: count }, () => value(random, depth - 1)).join(random.chance(0.97) ? ',' : ' ')}]`
  const members = Array.from(
    { length: count },
    () => `"${random.pick(names)}"${random.chance(0.97) ? ':' : ' '}${value(random, depth - 1)}`,
  )
  return `{${members.join(random.chance(0.97) ? ',' : ',,')}}`
}

const makers: readonly ((random: Random) => Uint8Array)[] = [
  (random) => latin1Bytes(value(random, 5)),
  (random) => latin1Bytes(`[${Array.from({ length: random.below(60) }, () => value(random, 2)).join(',')}]`),
  (random) => latin1Bytes('['.repeat(random.below(20_000))),
  (random) => latin1Bytes('{"a":'.repeat(random.below(5_000))),
  (random) => latin1Bytes(`{${Array.from({ length: random.below(3_000) }, (_, i) => `"k${i}":${i}`).join(',')}}`),
  (random) => latin1Bytes(`"${random.pick(['a', '\\u00e9', '\\', '\xff'])}`.repeat(random.below(4_000))),
  (random) =>
    latin1Bytes(
      Array.from(
        { length: random.below(300) },
        () => `${random.pick(names)}=${random.pick(['1', '%', '%zz', '%00', '%F0%9F', '+', 'ann%40example.org'])}`,
      ).join(random.pick(['&', ';', '&&'])),
    ),
  (random) =>
    latin1Bytes(
      Array.from(
        { length: random.below(200) },
        () =>
          `--b${random.pick(['\r\n', '\n', '--', ''])}Content-Disposition: form-data; name="${random.pick(names)}"${random.pick(['; filename="x"', '', ';', '; filename*=x'])}\r\n\r\n${random.hex(8)}\r\n`,
      ).join(''),
    ),
  (random) => latin1Bytes(`<?xml version="1.0"?>${'<a b="c">'.repeat(random.below(3_000))}`),
  (random) => latin1Bytes(`<!DOCTYPE a [<!ENTITY x "${'&y;'.repeat(random.below(400))}">]><a>&x;</a>`),
  (random) => randomBytes(random, random.below(600)),
  () => concatenated(Uint8Array.from([0xef, 0xbb, 0xbf]), latin1Bytes('{"a":1}')),
  (random) => latin1Bytes(`${'4111111111111111 '.repeat(random.below(500))}`),
  (random) => latin1Bytes(`${'a@b.c,'.repeat(random.below(2_000))}`),
  (random) => latin1Bytes('9'.repeat(random.below(60_000))),
]
