/** Every case: its maker gives its capture, its capture gives its transactions. */

import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { FlowShare } from '@tapwarden/net/flow-share'
import { expect, it } from 'vitest'
import { linesOf, publishedOf } from './read-case.js'

const folder = dirname(fileURLToPath(import.meta.url))
const cases = readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []))

it.each(cases)('%s', async (name) => {
  const { make } = (await import(`./${name}/make.ts`)) as { make: () => Uint8Array }
  const capture = readFileSync(join(folder, name, 'input.pcap'))
  expect(Buffer.from(make()).equals(capture), 'input.pcap is what make.ts makes').toBe(true)
  const expected = readFileSync(join(folder, name, 'expected.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
  expect(linesOf(capture)).toEqual(expected)
  expect(readFileSync(join(folder, name, 'README.md'), 'utf8')).toContain(`# ${name}\n`)
})

it.each(cases)('%s: several workers read together what one reads', (name) => {
  const capture = readFileSync(join(folder, name, 'input.pcap'))
  const isTransaction = (line: string) => !line.startsWith('{"fault"') // Every worker meets the damage.
  const alone = linesOf(capture).filter(isTransaction).sort()
  for (const workerCount of [2, 3, 5]) {
    const shares = Array.from({ length: workerCount }, (_, workerIndex) => new FlowShare({ workerIndex, workerCount }))
    expect(
      shares
        .flatMap((share) => linesOf(capture, share))
        .filter(isTransaction)
        .sort(),
    ).toEqual(alone)
  }
})

it('web-socket: what was spoken is in the published line', () => {
  const [transaction] = publishedOf(readFileSync(join(folder, 'web-socket', 'input.pcap')))
  const control = { closeCount: 1, pingCount: 0, pongCount: 0, isPartial: false }
  expect(transaction).toMatchObject({
    status: 101,
    webSocket: {
      c2s: { ...control, frameCount: 4, textMessageCount: 1, binaryMessageCount: 0, pingCount: 1, payloadBytes: 5 },
      s2c: { ...control, frameCount: 4, textMessageCount: 1, binaryMessageCount: 1, pongCount: 1, payloadBytes: 263 },
      isOpen: false,
    },
  })
})
