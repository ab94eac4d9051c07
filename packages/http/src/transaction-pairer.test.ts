/** The law of pairing under loss: whatever is missing, no response goes to a request that it does not answer. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type ScriptStep, transcribe } from './flow-transcript.js'

const get = (id: number) => `GET /${id} HTTP/1.1\r\nHost: a\r\n\r\n`
const interim = 'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n'
const answer = (id: number) => `HTTP/1.1 200 OK\r\nContent-Length: ${String(id).length}\r\n\r\n${id}`

const pairs = (script: readonly ScriptStep[], midStream = false, gaps: 'gaps' | 'no gaps' = 'gaps') =>
  transcribe(script, { midStream, tellGaps: gaps === 'gaps' }).transactions.map(
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
    [
      'an interim response whose request has its number: the final one behind it is for the same',
      [
        ['c', get(1)],
        ['s', answer(1).length],
        ['c', get(2)],
        ['s', interim + answer(2)],
        ['c', get(3)],
        ['s', answer(3)],
      ],
      ['/1>', '/2>2', '/3>3'],
    ],
    [
      "behind a response that is nobody's, what follows is nobody's",
      [
        ['c', get(1)],
        ['s', answer(1).length],
        ['c', get(2).length],
        ['c', get(3)],
        ['s', answer(2) + answer(3)],
      ],
      ['/1>', '/3>'],
    ],
    [
      'a client that sends on while requests wait: an ACK number names none of them',
      [
        ['c', get(1) + get(2) + get(3)],
        ['s', answer(1)],
        ['c', get(4)],
        ['s', answer(2)],
        ['c', get(5)],
        ['s', answer(3).length],
        ['c', get(6)],
        ['s', answer(4) + answer(5) + answer(6)],
      ],
      ['/1>1', '/2>2', '/3>', '/4>', '/5>', '/6>'],
    ],
    [
      'a request lost among pipelined ones, behind a response that the server sent before it had it',
      [
        ['c', get(1)],
        ['s', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n'],
        ['c', get(2).length],
        ['s', '123456789', get(2).length],
        ['c', get(3)],
        ['s', answer(2) + answer(3)],
      ],
      ['/1>123456789', '/3>'],
    ],
    [
      'a response that the server sent before it had the request',
      [
        ['c', get(1).length],
        ['s', answer(1)],
        ['c', get(2)],
        ['s', answer(9), get(2).length],
      ],
      ['/2>'],
    ],
    [
      'responses behind one that is none of HTTP: by number, not by place',
      [
        ['c', get(0)],
        ['s', answer(0)],
        ['c', get(1) + get(2)],
        ['s', `HTXP${answer(1).slice(4)}${answer(2)}`],
        ['c', get(3)],
        ['s', answer(3)],
      ],
      ['/0>0', '/1>', '/2>', '/3>3'],
    ],
    [
      'what looks like a request in lost content gets no response, nor does the one whose start it hides',
      [
        ['c', get(0)],
        ['c', 1_000],
        ['c', `lost\r\n${get(1)}zz`],
        ['s', answer(0)],
        ['c', get(2)],
        ['c', get(3)],
        ['s', answer(2) + answer(3)],
        ['c', get(4)],
        ['s', answer(4)],
      ],
      ['/0>0', '/1>', '/2>', '/3>', '/4>4'],
    ],
  ])('%s', (_why, script, expected) => expect(pairs(script)).toEqual(expected))

  it('sees by the number that the first response is missing, where nothing else tells', () => {
    const script: ScriptStep[] = [
      ['c', get(1)],
      ['s', answer(1).length],
      ['c', get(2)],
      ['s', interim + answer(2)],
      ['c', get(3)],
      ['s', answer(3)],
    ]
    expect(pairs(script, true)).toEqual(['/1>', '/2>2', '/3>3'])
    expect(pairs(script, true, 'no gaps')).toEqual(['/1>', '/2>2', '/3>3'])
    expect(pairs(script, false, 'no gaps')).toEqual(['/1>', '/2>2', '/3>3'])
  })

  it.each([
    ['each response goes to its request or nobody', [], ['/1>', '/2>', '/3>', '/4>4', '/5>5', '/6>6']],
    ['so it does after a gap in content', [8], ['/1>', '/2>', '/3>', '/4>4', '/5>5', '/6>6']],
    [
      'and after a response was lost: none is sure until a number tells',
      [9],
      ['/1>', '/2>', '/3>', '/4>', '/5>', '/6>6'],
    ],
  ])('when more requests wait than are kept, %s', (_why, lost, expected) => {
    const big = `HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n`
    const steps: ScriptStep[] = [
      ['c', [1, 2, 3, 4, 5].map(get).join('')],
      ['s', `${interim}${answer(1)}`],
    ]
    if (lost[0] === 8) steps.push(['s', big], ['s', 8])
    else if (lost[0] === 9) steps.push(['s', answer(2).length])
    else steps.push(['s', answer(2)])
    steps.push(['s', interim + answer(3) + answer(4) + answer(5)], ['c', get(6)], ['s', answer(6)])
    const { transactions, counters } = transcribe(steps, { limits: { pendingRequestsMax: 2 } })
    expect(transactions.map(({ request, content }) => `${request.split(' ')[1]}>${content ?? ''}`)).toEqual(expected)
    const overflown = transactions.filter(({ anomalies }) => anomalies.includes('http.pipeline-overflow'))
    const overflownCount = lost[0] === 9 ? 4 : 3
    expect([overflown.length, counters.pendingOverflowCount]).toEqual([overflownCount, overflownCount])
  })

  it('is never wrong, however requests are pipelined and whatever is lost', () => {
    const exchange = fc.record({
      isPipelined: fc.boolean(),
      hasInterim: fc.boolean(),
      isRequestLost: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
      isResponseLost: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
    })
    const options = fc.record({
      midStream: fc.boolean(),
      windowCount: fc.integer({ min: 1, max: 4 }),
      max: fc.constantFrom(2, 1_000),
    })
    fc.assert(
      fc.property(fc.array(exchange, { maxLength: 12 }), options, (exchanges, { midStream, windowCount, max }) => {
        const script: ScriptStep[] = []
        const isPairing = new Set<string>()
        const waiting: ScriptStep[][] = []
        // A client that sends on while requests wait is known for it as soon as one such request was seen.
        if (windowCount > 1) {
          script.push(['c', get(1) + get(2)], ['s', answer(1)], ['c', get(3)], ['s', answer(2)], ['s', answer(3)])
          for (const id of [1, 2, 3]) isPairing.add(`/${id}>${id}`).add(`/${id}>`)
        }
        exchanges.forEach(({ isPipelined, hasInterim, isRequestLost, isResponseLost }, index) => {
          const id = index + 10
          script.push(['c', isRequestLost ? get(id).length : get(id)])
          const response: ScriptStep = ['s', isResponseLost ? answer(id).length : answer(id)]
          waiting.push(hasInterim ? [['s', interim], response] : [response])
          isPairing.add(`/${id}>${id}`).add(`/${id}>`)
          if (!isPipelined) script.push(...waiting.splice(0).flat())
          else if (waiting.length >= windowCount) script.push(...waiting.splice(0, 1).flat())
        })
        const limits = { pendingRequestsMax: max }
        const { transactions } = transcribe([...script, ...waiting.flat()], { midStream, limits })
        const found = transactions.map(({ request, content }) => `${request.split(' ')[1]}>${content ?? ''}`)
        expect(found.filter((pair) => !isPairing.has(pair))).toEqual([])
      }),
      { numRuns: 1_000 },
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
