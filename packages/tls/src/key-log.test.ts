import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { KeyLog } from './key-log.js'

const random = 'ab'.repeat(32)
const master = 'cd'.repeat(48)
const traffic = 'ef'.repeat(32)
const longTraffic = '12'.repeat(48)

function read(text: string, isComplete = true): KeyLog {
  const keyLog = new KeyLog()
  keyLog.push(Buffer.from(text, 'latin1'))
  if (isComplete) keyLog.end()
  return keyLog
}

describe('a key log', () => {
  it.each([
    [`CLIENT_RANDOM ${random} ${master}\n`, 1, 0, 0, 'TLS 1.2'],
    [`CLIENT_RANDOM ${random.toUpperCase()} ${master}\r\n`, 1, 0, 0, 'upper case, CR LF'],
    [`CLIENT_TRAFFIC_SECRET_0 ${random} ${traffic}`, 1, 0, 0, 'a last line without end'],
    [`SERVER_HANDSHAKE_TRAFFIC_SECRET ${random} ${longTraffic}\n`, 1, 0, 0, 'SHA-384'],
    ['# a comment\n\n   \n', 0, 0, 0, 'comments and blank lines'],
    [`EXPORTER_SECRET ${random} ${traffic}\nRSA 0011223344556677 ${master}\n`, 0, 2, 0, 'what nobody needs here'],
    [`CLIENT_RANDOM ${random} ${traffic}\n`, 0, 0, 1, 'a master secret has 48 bytes'],
    [`CLIENT_RANDOM ${random.slice(2)} ${master}\n`, 0, 0, 1, 'a random has 32'],
    [`CLIENT_RANDOM ${random} ${master} ${master}\n`, 0, 0, 1, 'a word too many'],
    [`CLIENT_RANDOM ${random} ${master.slice(1)}g\n`, 0, 0, 1, 'no hex'],
    [`CLIENT_RANDOM ${random}\n`, 0, 0, 1, 'nothing to say'],
    ['\x00\xff\x80 binary\n', 0, 0, 1, 'something else'],
    [`${'x'.repeat(5_000)}\nCLIENT_RANDOM ${random} ${master}\n`, 1, 0, 1, 'a line without end is not kept'],
  ])('%j: %i secrets, %i others, %i malformed: %s', (text, secretCount, otherCount, malformedCount) => {
    expect(read(text).counts()).toMatchObject({ secretCount, otherCount, malformedCount })
  })

  it('has the secrets of a connection together, as they come', () => {
    const keyLog = read(`CLIENT_RANDOM ${random} ${master}\nCLIENT_TRAFFIC_SECRET_0 ${random} ${traffic}`, false)
    const secrets = keyLog.of(random)
    expect(Object.keys(secrets ?? {})).toEqual(['master'])
    keyLog.push(Buffer.from('\n'))
    expect(Object.keys(secrets ?? {})).toEqual(['master', 'clientTraffic'])
    expect(keyLog.of('00'.repeat(32))).toBeUndefined()
  })

  it('reads the same however it is cut', () => {
    const text = Buffer.from(
      `# x\nCLIENT_RANDOM ${random} ${master}\r\nnonsense\nSERVER_TRAFFIC_SECRET_0 ${random} ${traffic}\n`,
    )
    fc.assert(
      fc.property(fc.array(fc.nat(text.length)), (places) => {
        const keyLog = new KeyLog()
        const cuts = [0, ...places.sort((a, b) => a - b), text.length]
        for (let i = 1; i < cuts.length; i++) keyLog.push(text.subarray(cuts[i - 1], cuts[i]))
        expect(keyLog.counts()).toMatchObject({ secretCount: 2, malformedCount: 1, connectionCount: 1 })
      }),
      { numRuns: 50 },
    )
  })

  it('forgets the oldest connections when there are too many', () => {
    const keyLog = new KeyLog(2)
    const randoms = ['01', '02', '03'].map((byte) => byte.repeat(32))
    for (const each of randoms) keyLog.push(Buffer.from(`CLIENT_RANDOM ${each} ${master}\n`))
    expect(randoms.map((each) => keyLog.of(each) !== undefined)).toEqual([false, true, true])
    expect(keyLog.counts().evictedCount).toBe(1)
  })
})
