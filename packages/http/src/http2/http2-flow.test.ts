/** HTTP/2 connections → transactions: the cases of `http2.md`. @long: a table of cases. */

import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { type ScriptStep, type Transcript, type TranscriptOptions, transcribe } from '../flow-transcript.js'
import {
  answer,
  data,
  endHeaders,
  endStream,
  type FieldSpec,
  fieldBlock,
  frame,
  get,
  grpcMessage,
  headers,
  http2Preface,
  padded,
  post,
  priority,
  reference,
  requestFields,
  settings,
} from './http2-fixture.js'
import { FrameType } from './http2-frame.js'

const open: ScriptStep[] = [
  ['c', Buffer.concat([http2Preface, settings([3, 100])])],
  ['s', settings([4, 65_535])],
]
const settingsAck = frame(FrameType.settings, 1, 0)
const error = (code: number) => Buffer.from([0, 0, 0, code])
const reset = (id: number, code: number) => frame(FrameType.resetStream, 0, id, error(code))
const promise = (id: number, promised: number, fields: readonly FieldSpec[]) =>
  frame(FrameType.pushPromise, endHeaders, id, Buffer.concat([error(promised), fieldBlock(fields)]))
const pad = (bytes: number, content: string | Uint8Array) =>
  Buffer.concat([Buffer.from([bytes]), Buffer.from(content as string, 'latin1'), Buffer.alloc(bytes)])
const upgradeRequest =
  'GET /up HTTP/1.1\r\nHost: shop.example\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n'
const upgradeAnswer = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n'

/** `GET /path > 200 "content" bytes stream [anomalies]`. */
function summary(script: readonly ScriptStep[], options: TranscriptOptions = {}): string[] {
  return linesOf(transcribe(script, options))
}

function linesOf({ transactions }: Transcript): string[] {
  return transactions.map((line) => {
    const { http2 } = line
    const status =
      line.status === undefined ? 'none' : `${line.status} ${JSON.stringify(line.content)} ${line.contentBytes}`
    const sent = line.requestContent === '' ? '' : ` ${JSON.stringify(line.requestContent)} ${line.requestBytes}`
    const marks = [
      ...(http2?.isPushed === true ? ['pushed'] : []),
      ...(http2?.isUpgraded === true ? ['upgraded'] : []),
      ...(http2?.resetCode === undefined ? [] : [`reset ${http2.resetCode}`]),
      ...(line.missedBytes > 0 ? [`${line.missedBytes} missed`] : []),
      ...line.anomalies.map((name) => name.replace('http2.', '').replace('http.', '')),
    ]
    return `${http2?.streamId}: ${line.request}${sent} > ${status}${marks.length > 0 ? ` [${marks.join(', ')}]` : ''}`
  })
}

const longBlock = fieldBlock(requestFields('GET', '/long', ['x-long', 'v'.repeat(300)]))
const cases: readonly (readonly [why: string, script: readonly ScriptStep[], expected: readonly string[]])[] = [
  [
    'one request and its response',
    [...open, ['c', get(1, '/a')], ['s', Buffer.concat([settingsAck, answer(1, 200, 'hello')])]],
    ['1: GET /a 2 > 200 "hello" 5'],
  ],
  [
    'content both ways',
    [...open, ['c', post(1, '/a', 'sent')], ['s', answer(1, 201, 'made')]],
    ['1: POST /a 2 "sent" 4 > 201 "made" 4'],
  ],
  [
    'interleaved streams, published as they end',
    [
      ...open,
      ['c', Buffer.concat([headers(1, fieldBlock(requestFields('POST', '/1'))), get(3, '/3'), data(1, 'on')])],
      ['s', Buffer.concat([answer(3, 200, 'three'), headers(1, fieldBlock([[':status', '200']])), data(1, 'o')])],
      ['c', data(1, 'e', endStream)],
      ['s', data(1, 'ne', endStream)],
    ],
    ['3: GET /3 2 > 200 "three" 5', '1: POST /1 2 "one" 3 > 200 "one" 3'],
  ],
  [
    'a response before the request has ended',
    [
      ...open,
      ['c', headers(1, fieldBlock(requestFields('POST', '/a')))],
      ['s', answer(1, 413, 'no')],
      ['c', data(1, 'late', endStream)],
    ],
    ['1: POST /a 2 "late" 4 > 413 "no" 2'],
  ],
  [
    'interim responses are passed over',
    [
      ...open,
      ['c', post(1, '/a', 'x', ['expect', '100-continue'])],
      [
        's',
        Buffer.concat([
          headers(1, fieldBlock([[':status', '100']])),
          headers(
            1,
            fieldBlock([
              [':status', '103'],
              ['link', '</a>'],
            ]),
          ),
          answer(1, 200, 'y'),
        ]),
      ],
    ],
    ['1: POST /a 2 "x" 1 > 200 "y" 1'],
  ],
  [
    'padding and priority',
    [
      ...open,
      [
        'c',
        frame(
          FrameType.headers,
          endHeaders | endStream | padded | priority,
          1,
          pad(4, Buffer.concat([Buffer.from([0, 0, 0, 0, 15]), fieldBlock(requestFields('GET', '/p'))])),
        ),
      ],
      ['c', frame(FrameType.priority, 0, 1, Buffer.from([0, 0, 0, 0, 1]))],
      [
        's',
        Buffer.concat([
          headers(1, fieldBlock([[':status', '200']])),
          frame(FrameType.data, padded, 1, pad(200, 'pad')),
          frame(FrameType.data, padded | endStream, 1, pad(0, 'ded')),
        ]),
      ],
    ],
    ['1: GET /p 2 > 200 "padded" 6'],
  ],
  [
    'a block over CONTINUATION frames, an empty one among them',
    [
      ...open,
      [
        'c',
        Buffer.concat([
          frame(FrameType.headers, endStream, 1, longBlock.subarray(0, 10)),
          frame(FrameType.continuation, 0, 1, longBlock.subarray(10, 200)),
          frame(FrameType.continuation, 0, 1),
          frame(FrameType.continuation, 0, 1, longBlock.subarray(200)),
          frame(FrameType.continuation, endHeaders, 1),
        ]),
      ],
      ['s', answer(1, 200, '')],
    ],
    ['1: GET /long 2 > 200 "" 0'],
  ],
  [
    'HEAD, 204 and 304 have no content, whatever length they announce',
    [
      ...open,
      [
        'c',
        Buffer.concat([headers(1, fieldBlock(requestFields('HEAD', '/h')), endStream), get(3, '/n'), get(5, '/m')]),
      ],
      [
        's',
        Buffer.concat([
          answer(1, 200, '', ['content-length', '99']),
          answer(3, 204, ''),
          answer(5, 304, '', ['content-length', '99']),
        ]),
      ],
    ],
    ['1: HEAD /h 2 > 200 "" 0', '3: GET /n 2 > 204 "" 0', '5: GET /m 2 > 304 "" 0'],
  ],
  [
    'a length that is not the content: whoever translates to HTTP/1 may believe either',
    [
      ...open,
      ['c', post(1, '/a', 'smuggled', ['content-length', '0'])],
      ['s', answer(1, 200, 'abc', ['content-length', '4'])],
    ],
    ['1: POST /a 2 "smuggled" 8 > 200 "abc" 3 [content-length-mismatch]'],
  ],
  [
    'fields of HTTP/1 connections',
    [...open, ['c', post(1, '/a', 'x', ['transfer-encoding', 'chunked'])], ['s', answer(1, 200, '')]],
    ['1: POST /a 2 "x" 1 > 200 "" 0 [connection-specific-field]'],
  ],
  [
    'a line end in a value, an upper-case name',
    [
      ...open,
      ['c', Buffer.concat([get(1, '/a', ['x', 'a\r\nhost: evil']), get(3, '/b', ['X-Y', 'z'])])],
      ['s', Buffer.concat([answer(1, 200, ''), answer(3, 200, '')])],
    ],
    ['1: GET /a 2 > 200 "" 0 [field-invalid]', '3: GET /b 2 > 200 "" 0 [field-invalid]'],
  ],
  [
    'a host beside the authority that says something else',
    [...open, ['c', get(1, '/a', ['host', 'evil.example'])], ['s', answer(1, 200, '')]],
    ['1: GET /a 2 > 200 "" 0 [host-repeated]'],
  ],
  [
    'pseudo-fields repeated, and behind fields',
    [...open, ['c', get(1, '/a', [':path', '/b'])], ['s', answer(1, 200, '')]],
    ['1: GET /a 2 > 200 "" 0 [pseudo-field-invalid]'],
  ],
  [
    'reset by the client, by the server',
    [
      ...open,
      ['c', Buffer.concat([get(1, '/1'), headers(3, fieldBlock(requestFields('POST', '/3')))])],
      ['s', Buffer.concat([headers(1, fieldBlock([[':status', '200']])), data(1, 'part'), reset(3, 7)])],
      ['c', reset(1, 8)],
      ['s', data(1, 'on its way', endStream)],
    ],
    [
      '3: POST /3 2 > none [reset 7, content-incomplete]',
      '1: GET /1 2 > 200 "part" undefined [reset 8, content-incomplete]',
    ],
  ],
  [
    'closed without error by the server: the end, unless it announced more',
    [
      ...open,
      ['c', Buffer.concat([get(1, '/1'), get(3, '/3')])],
      ['s', Buffer.concat([headers(1, fieldBlock([[':status', '200']])), data(1, 'all'), reset(1, 0)])],
      [
        's',
        headers(
          3,
          fieldBlock([
            [':status', '200'],
            ['content-length', '9'],
          ]),
        ),
      ],
      ['s', Buffer.concat([data(3, 'not all'), reset(3, 0)])],
    ],
    ['1: GET /1 2 > 200 "all" 3 [reset 0]', '3: GET /3 2 > 200 "not all" undefined [reset 0, content-incomplete]'],
  ],
  [
    'GOAWAY: requests behind the last one stay without answer',
    [
      ...open,
      ['c', Buffer.concat([get(1, '/1'), get(3, '/3')])],
      ['s', frame(FrameType.goAway, 0, 0, Buffer.concat([error(1), error(0)]))],
      ['s', answer(1, 200, 'x')],
    ],
    ['3: GET /3 2 > none', '1: GET /1 2 > 200 "x" 1'],
  ],
  [
    'a pushed response',
    [
      ...open,
      ['c', get(1, '/1')],
      [
        's',
        Buffer.concat([promise(1, 2, requestFields('GET', '/pushed.css')), answer(1, 200, 'x'), answer(2, 200, 'css')]),
      ],
    ],
    ['1: GET /1 2 > 200 "x" 1', '2: GET /pushed.css 2 > 200 "css" 3 [pushed]'],
  ],
  [
    'upgrade from HTTP/1.1: the request is stream 1',
    [
      ['c', upgradeRequest],
      ['s', Buffer.concat([Buffer.from(upgradeAnswer), settings(), answer(1, 200, 'up')])],
      ['c', Buffer.concat([http2Preface, settings(), get(3, '/3')])],
      ['s', answer(3, 200, 'x')],
    ],
    ['1: GET /up 1.1 > 200 "up" 2 [upgraded]', '3: GET /3 2 > 200 "x" 1'],
  ],
  [
    'upgrade refused: the connection stays HTTP/1',
    [
      ['c', upgradeRequest],
      ['s', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno'],
    ],
    ['undefined: GET /up 1.1 > 200 "no" 2'],
  ],
  [
    'something like the preface that has fields is a request of HTTP/1',
    [
      ['c', 'PRI * HTTP/2.0\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n'],
      ['s', 'HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'],
    ],
    ['undefined: PRI * 2 > 400 "" 0', 'undefined: GET /b 1.1 > 200 "" 0'],
  ],
  [
    'the server speaks first',
    [
      ['s', settings([3, 1])],
      ['c', Buffer.concat([http2Preface, settings(), get(1, '/a')])],
      ['s', answer(1, 200, 'x')],
    ],
    ['1: GET /a 2 > 200 "x" 1'],
  ],
  [
    'the sides are taken wrongly',
    [
      ['s', Buffer.concat([http2Preface, settings(), get(1, '/a')])],
      ['c', Buffer.concat([settings(), answer(1, 200, 'x')])],
    ],
    ['1: GET /a 2 > 200 "x" 1 [directions-swapped]'],
  ],
  [
    'trailers',
    [
      ...open,
      ['c', get(1, '/a')],
      [
        's',
        Buffer.concat([
          headers(1, fieldBlock([[':status', '200']])),
          data(1, 'x'),
          headers(1, fieldBlock([['x-sum', '1']]), endStream),
        ]),
      ],
    ],
    ['1: GET /a 2 > 200 "x" 1'],
  ],
  [
    'CONNECT: what follows is not looked at',
    [
      ...open,
      [
        'c',
        headers(
          1,
          fieldBlock([
            [':method', 'CONNECT'],
            [':authority', 'db.example:5432'],
          ]),
        ),
      ],
      ['s', headers(1, fieldBlock([[':status', '200']]))],
      ['c', data(1, 'GET / HTTP/1.1')],
      ['c', get(3, '/3')],
      ['s', answer(3, 200, 'x')],
    ],
    ['1: CONNECT db.example:5432 2 > 200 "" 0', '3: GET /3 2 > 200 "x" 1'],
  ],
  ['a request at the end of the connection', [...open, ['c', get(1, '/a')]], ['1: GET /a 2 > none']],
  [
    'DATA missing within a frame: the framing holds',
    [
      ...open,
      ['c', get(1, '/a')],
      [
        's',
        Buffer.concat([
          headers(1, fieldBlock([[':status', '200']])),
          data(1, 'x'.repeat(50), endStream).subarray(0, 20),
        ]),
      ],
      ['s', 20],
      ['s', 'x'.repeat(19)],
      ['c', get(3, '/b')],
      ['s', answer(3, 200, 'x')],
    ],
    [`1: GET /a 2 > 200 "${'x'.repeat(30)}" undefined [20 missed, content-incomplete]`, '3: GET /b 2 > 200 "x" 1'],
  ],
  [
    'a block is missing in part: what it added to the table is not known from there on',
    [
      ...open,
      ['c', headers(1, fieldBlock(requestFields('GET', '/1'), true), endStream)],
      ['c', headers(3, fieldBlock(requestFields('GET', '/3'), true), endStream).subarray(0, 30)],
      ['c', 24 + 9 + fieldBlock(requestFields('GET', '/3'), true).length - 54],
      ['c', headers(5, Buffer.concat([reference(62), reference(2)]), endStream)],
      ['c', headers(7, fieldBlock(requestFields('GET', '/7'), true), endStream)],
      [
        'c',
        headers(
          9,
          Buffer.concat([reference(65), reference(64), reference(63), reference(62), reference(66)]),
          endStream,
        ),
      ],
      [
        's',
        Buffer.concat([
          answer(1, 200, ''),
          answer(3, 200, ''),
          answer(5, 200, ''),
          answer(7, 200, ''),
          answer(9, 200, ''),
        ]),
      ],
    ],
    ['1: GET /1 2 > 200 "" 0', '7: GET /7 2 > 200 "" 0 [header-block-lost]', '9: GET /7 2 > 200 "" 0 [fields-unknown]'],
  ],
  [
    'frames are missing: found again where frames are sure',
    [
      ...open,
      ['c', get(1, '/1')],
      ['s', answer(1, 200, 'x')],
      ['c', 500],
      ['c', get(21, '/21')],
      ['s', answer(21, 200, 'y')],
    ],
    ['1: GET /1 2 > 200 "x" 1', '21: GET /21 2 > 200 "y" 1 [resynchronized]'],
  ],
]

describe('HTTP/2 connections', () => {
  it.each(cases)('%s', (_why, script, expected) => {
    expect(summary(script)).toEqual(expected)
  })

  it.each(cases)('%s: byte by byte and however it is cut', (why, script, expected) => {
    // Frames are found again at the start of a segment; what is spoken, and by whom, the first bytes of a flow say.
    if (/frames are missing|the server speaks first|the sides/.test(why)) return
    for (const cuts of [[1], [2, 3, 7], [8], [10, 1]]) expect(summary(script, { cuts }), cuts.join()).toEqual(expected)
  })

  it.each(cases)('%s: nothing is held in the end', (_why, script) => {
    expect(transcribe(script).bufferedBytes).toBe(0)
  })
})

describe('messages', () => {
  it('have the authority as host, cookies as they came, content decoded, trailers apart', () => {
    const zipped = gzipSync('{"a":1}')
    const script: ScriptStep[] = [
      ...open,
      ['c', get(1, '/a', ['cookie', 'a=1'], ['cookie', 'b=2'])],
      [
        's',
        Buffer.concat([
          headers(
            1,
            fieldBlock([
              [':status', '200'],
              ['content-encoding', 'gzip'],
            ]),
          ),
          data(1, zipped.subarray(0, 5)),
          data(1, zipped.subarray(5)),
          headers(1, fieldBlock([['x-sum', '1']]), endStream),
        ]),
      ],
    ]
    expect(transcribe(script).transactions).toMatchObject([
      {
        request: 'GET /a 2',
        scheme: 'http',
        fields: ['host: shop.example', 'cookie: a=1', 'cookie: b=2'],
        responseFields: ['content-encoding: gzip', 'x-sum: 1'],
        content: '{"a":1}',
        contentBytes: 7,
      },
    ])
  })

  it('an extended CONNECT is the handshake of a WebSocket', () => {
    const connect = fieldBlock([
      [':method', 'CONNECT'],
      [':protocol', 'websocket'],
      [':scheme', 'https'],
      [':authority', 'chat.example'],
      [':path', '/chat'],
    ])
    const script: ScriptStep[] = [
      ...open,
      ['c', headers(1, connect)],
      ['s', headers(1, fieldBlock([[':status', '200']]))],
      ['c', data(1, Buffer.from('\x81\x85maskhello', 'latin1'))],
      ['s', data(1, Buffer.from('\x82\x02hi\x88\x00', 'latin1'), endStream)],
      ['c', data(1, Buffer.from('\x88\x80mask', 'latin1'), endStream)],
    ]
    const { transactions, counters } = transcribe(script)
    expect(transactions).toMatchObject([
      {
        request: 'CONNECT https://chat.example/chat 2',
        fields: ['upgrade: websocket', 'host: chat.example'],
        status: 200,
        webSocket: {
          c2s: { frameCount: 2, textMessageCount: 1, closeCount: 1, payloadBytes: 5, isPartial: false },
          s2c: { frameCount: 2, binaryMessageCount: 1, closeCount: 1 },
          isOpen: false,
        },
      },
    ])
    expect(counters.webSocketFrameCount).toBe(4)
  })
})

const grpcFields: readonly FieldSpec[] = [
  ['content-type', 'application/grpc+proto'],
  ['te', 'trailers'],
]
const grpcCall = (id: number, path: string) => headers(id, fieldBlock(requestFields('POST', path, ...grpcFields)))

describe('gRPC', () => {
  it('counts messages by direction, across frames, and takes the status from trailers', () => {
    const [first, second] = [grpcMessage('hello'), grpcMessage('x'.repeat(300), 1)]
    const script: ScriptStep[] = [
      ...open,
      ['c', Buffer.concat([grpcCall(1, '/shop.v1.Orders/List'), data(1, Buffer.concat([first, second]), endStream)])],
      [
        's',
        Buffer.concat([
          headers(1, fieldBlock([[':status', '200'], ...grpcFields])),
          data(1, second.subarray(0, 3)),
          data(1, second.subarray(3)),
          data(1, grpcMessage('')),
          headers(
            1,
            fieldBlock([
              ['grpc-status', '5'],
              ['grpc-message', 'gone'],
            ]),
            endStream,
          ),
        ]),
      ],
    ]
    const { transactions, counters } = transcribe(script)
    expect(transactions.map(({ grpc }) => grpc)).toEqual([
      {
        service: 'shop.v1.Orders',
        method: 'List',
        c2s: { messageCount: 2, messageBytes: 305, messageMaxBytes: 300, isPartial: false },
        s2c: { messageCount: 2, messageBytes: 300, messageMaxBytes: 300, isPartial: false },
        status: 5,
      },
    ])
    expect(transactions.map(({ anomalies }) => anomalies)).toEqual([[]])
    expect(counters.grpcMessageCount).toBe(4)
  })

  it.each([
    [
      'an answer of trailers alone',
      answer(1, 200, '', ['content-type', 'application/grpc'], ['grpc-status', '16']),
      16,
      false,
    ],
    [
      'gRPC-Web, its trailers in content',
      Buffer.concat([
        headers(1, fieldBlock([[':status', '200']])),
        data(1, Buffer.concat([grpcMessage('ok'), grpcMessage('grpc-status: 0\r\n', 0x80)]), endStream),
      ]),
      0,
      false,
    ],
    ['content that is no message', answer(1, 200, '<html>'), undefined, true],
    ['a message that was cut short', answer(1, 200, '\x00\x00\x00\x00\x09cut'), undefined, true],
    ['no status', answer(1, 503, ''), undefined, false],
  ])('%s', (_why, response, status, isPartial) => {
    const call = Buffer.concat([grpcCall(1, '/a.B/C'), data(1, grpcMessage('x'), endStream)])
    const [line] = transcribe([...open, ['c', call], ['s', response]]).transactions
    expect(line?.grpc).toMatchObject({ status, s2c: { isPartial }, c2s: { messageCount: 1 } })
  })

  it('has no names where the path has none', () => {
    const [line] = transcribe([...open, ['c', grpcCall(1, '/a/b/c')], ['s', answer(1, 200, '')]]).transactions
    expect(line?.grpc).toBeUndefined()
  })
})
