import { expect, it } from 'vitest'
import { startHealthServer } from './health.js'
import { createMetrics } from './metrics.js'
import { UserError } from './user-error.js'

it('says alive, ready or why not, and what it counts', async () => {
  const metrics = createMetrics({ prefix: 'example_' })
  metrics.counter({ name: 'records_total', help: 'Records.', labels: ['kind'] }).inc({ kind: 'a' }, 3)
  let lag = 0
  metrics.gauge({ name: 'lag_records', help: 'Lag.' }, (gauge) => gauge.set(lag))
  let fault: string | undefined
  const checks = [
    { name: 'store', fault: () => fault },
    { name: 'bus', fault: () => (fault === undefined ? undefined : Promise.reject(new Error('gone'))) },
  ]
  const health = await startHealthServer({ host: '127.0.0.1', port: 0, metrics, checks })
  try {
    const get = async (path: string) => {
      const response = await fetch(`http://127.0.0.1:${health.port}${path}`)
      return [response.status, await response.text()] as const
    }
    expect(await get('/livez')).toEqual([200, '{"status":"alive"}'])
    expect(await get('/readyz')).toEqual([200, '{"status":"ready","faults":{}}'])
    fault = 'away'
    expect(await get('/readyz')).toEqual([503, '{"status":"not-ready","faults":{"store":"away","bus":"gone"}}'])
    lag = 7
    const [, text] = await get('/metrics')
    expect(text).toContain('example_records_total{kind="a"} 3')
    expect(text).toContain('example_lag_records 7')
    await expect(startHealthServer({ host: '127.0.0.1', port: health.port, metrics, checks })).rejects.toThrow(
      new UserError(
        'unavailable',
        `the health port 127.0.0.1:${health.port} is in use: set health.port to another, or 0`,
      ),
    )
  } finally {
    await health.close()
  }
})
