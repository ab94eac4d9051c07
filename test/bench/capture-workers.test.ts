import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { writeApiCapture } from './api-capture.js'
import { type CaptureWorkersResult, captureWithWorkers } from './capture-workers.js'

const folder = mkdtempSync(join(tmpdir(), 'tapwarden-workers-'))
const capture = join(folder, 'api.pcap')
afterAll(() => rmSync(folder, { recursive: true }))

it('publishes the same lines, ids included, whatever the number of workers', async () => {
  writeApiCapture(capture, { transactionCount: 1_000, seed: 11 })
  const results: CaptureWorkersResult[] = []
  for (const workerCount of [1, 2, 3]) {
    results.push(await captureWithWorkers({ files: [capture], workerCount, withDigest: true }))
  }
  const [alone] = results
  expect(alone?.transactionCount).toBe(1_000)
  for (const { transactionCount, lineBytes, digest, transactionCounts, workerCount } of results) {
    expect({ transactionCount, lineBytes, digest }).toEqual({
      transactionCount: alone?.transactionCount,
      lineBytes: alone?.lineBytes,
      digest: alone?.digest,
    })
    expect(transactionCounts.filter((count) => count > 0)).toHaveLength(workerCount)
  }
})

it('fails as its threads do', async () => {
  const missing = captureWithWorkers({ files: [join(folder, 'missing.pcap')], workerCount: 2 })
  await expect(missing).rejects.toThrow('does not exist')
})
