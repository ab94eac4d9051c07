/** The law of pairing under loss: whatever is missing, no response goes to a request that it does not answer. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type ScriptStep, transcribe } from './flow-transcript.js'

const get = (id: number) => `GET /${id} HTTP/1.1\r\nHost: a\r\n\r\n`
const interim = 'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n'
const answer = (id: number) => `HTTP/1.1 200 OK\r\nContent-Length: ${String(id).length}\r\n\r\n${id}`

const pairs = (script: readonly ScriptStep[], midStream = false) =>
  transcribe(script, { midStream }).transactions.map(
    ({ request, content }) => `${request.split(' ')[1]}>${content ?? ''}`,
  )

describe('pairs after a gap', () => {
  it.each<[string, readonly ScriptStep[], readonly string[]]>([
    [
      'a lost response harms its own request only',
      [
        ['c', get(1)],
        ['s', answer(1).length],
        ['c', get(2)],
        ['s', answer(2)],
        ['c', get(3)],
        ['s', answer(3)],
      ],
      ['/1>', '/2>2', '/3>3'],
    ],
    [
      'a lost request harms its own response only',
      [
        ['c', get(1)],
        ['s', answer(1)],
        ['c', get(2).length],
        ['s', answer(2)],
        ['c', get(3)],
        ['s', answer(3)],
      ],
      ['/1>1', '/3>3'],
    ],
    [
      "a lost response, then a lost request: the response to that one is nobody's",
      [
        ['c', get(1)],
        ['s', answer(1).length],
        ['c', get(2).length],
        ['s', answer(2)],
        ['c', get(3)],
        ['s', answer(3)],
      ],
      ['/1>', '/3>3'],
    ],
    [
      'a response lost among those to pipelined requests: which one, nobody knows',
      [
        ['c', get(1) + get(2)],
        ['s', answer(1).length],
        ['s', answer(2)],
        ['c', get(3)],
        ['s', answer(3)],
      ],
      ['/1>', '/2>', '/3>3'],
    ],
    [
      'a request lost among pipelined ones: those behind it stay open',
      [
        ['c', get(1)],
        ['c', get(2).length],
        ['c', get(3)],
        ['s', answer(1) + answer(2) + answer(3)],
        ['c', get(4)],
        ['s', answer(4)],
      ],
      ['/1>1', '/3>', '/4>4'],
    ],
    [
      'pipelined requests long after a gap: in order, as their responses follow each other',
      [
        ['c', get(1).length],
        ['s', answer(1)],
        ['c', get(2) + get(3) + get(4)],
        ['s', answer(2) + interim + answer(3) + answer(4)],
      ],
      ['/2>2', '/3>3', '/4>4'],
    ],
    [
      'part of a response head is missing: its status is known',
      [
        ['c', get(1)],
        ['s', 'HTTP/1.1 200 OK\r\nX: '],
        ['s', 30],
        ['s', '1'],
        ['c', get(2)],
        ['s', answer(2)],
      ],
      ['/1>', '/2>2'],
    ],
    [
      'an interim response was lost',
      [
        ['c', get(1)],
        ['s', interim],
        ['s', answer(1)],
      ],
      ['/1>1'],
    ],
  ])('%s', (_why, script, expected) => expect(pairs(script)).toEqual(expected))

  it('is never wrong, however requests are pipelined and whatever is lost', () => {
    const exchange = fc.record({
      isPipelined: fc.boolean(),
      hasInterim: fc.boolean(),
      isRequestLost: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
      isResponseLost: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
    })
    fc.assert(
      fc.property(fc.array(exchange, { maxLength: 12 }), fc.boolean(), (exchanges, midStream) => {
        const script: ScriptStep[] = []
        let waiting: ScriptStep[] = []
        exchanges.forEach(({ isPipelined, hasInterim, isRequestLost, isResponseLost }, index) => {
          const id = index + 10
          script.push(['c', isRequestLost ? get(id).length : get(id)])
          if (hasInterim) waiting.push(['s', interim])
          waiting.push(['s', isResponseLost ? answer(id).length : answer(id)])
          if (isPipelined) return
          script.push(...waiting)
          waiting = []
        })
        const wrong = pairs([...script, ...waiting], midStream).filter((pair) => !/^\/(\d+)>(\1)?$/.test(pair))
        expect(wrong).toEqual([])
      }),
      { numRuns: 500 },
    )
  })

  it('finds every pair of requests that wait for their responses, but those that were hit', () => {
    const exchange = fc.record({ lost: fc.constantFrom('', '', '', 'request', 'response') })
    fc.assert(
      fc.property(fc.array(exchange, { maxLength: 12 }), (exchanges) => {
        const script = exchanges.flatMap(({ lost }, index): ScriptStep[] => [
          ['c', lost === 'request' ? get(index).length : get(index)],
          ['s', lost === 'response' ? answer(index).length : answer(index)],
        ])
        expect(pairs(script)).toEqual(
          exchanges.flatMap(({ lost }, index) =>
            lost === 'request' ? [] : [`/${index}>${lost === 'response' ? '' : index}`],
          ),
        )
      }),
      { numRuns: 300 },
    )
  })
})
