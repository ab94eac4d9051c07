import { HttpFlow } from '@tapwarden/http/http-flow'
import { defaultHttpLimits, HttpCounters } from '@tapwarden/http/http-limits'
import { MessagePool } from '@tapwarden/http/message'
import { expect, it } from 'vitest'
import { GuardedFlow } from './guarded-flow.js'

it('hands on what the connection tells, as long as the flow is read', () => {
  const pool = new MessagePool(defaultHttpLimits, new HttpCounters())
  const published: string[][] = []
  const faults: unknown[] = []
  const sink = ({ anomalies }: { anomalies: readonly string[] }) => {
    published.push([...anomalies])
    throw new Error('a fault of ours')
  }
  const flow = new GuardedFlow(new HttpFlow({ pool, midStream: false, sink }), (error) => faults.push(error))
  const request = Buffer.from('GET / HTTP/1.1\r\n\r\n')
  flow.anomaly('c2s', 'tcp.overlap-conflict')
  for (const seq of [1, 2]) flow.bytes('c2s', request, 0, request.length, 0, seq, 1)
  flow.end('c2s', 'fin', 0)
  flow.end('s2c', 'fin', 0)
  flow.gap('c2s', 5, 0)
  flow.anomaly('c2s', 'tcp.overlap-conflict')
  expect(published).toEqual([['tcp.overlap-conflict']])
  expect([faults.length, pool.bufferedBytes]).toEqual([1, 0])
})
