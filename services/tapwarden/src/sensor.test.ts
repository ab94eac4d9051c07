import type { CaptureSummary } from '@tapwarden/service-capture/capture-pipeline'
import { expect, it } from 'vitest'
import { notVisible, tunnelFrames } from './sensor.js'

it('names each thing that the sensor did not see', () => {
  const summary: CaptureSummary = {
    packetCount: 100,
    bytes: 101,
    flowCount: 102,
    transactionCount: 103,
    unansweredRequestCount: 1,
    orphanResponseCount: 2,
    undecodedContentCount: 3,
    pendingOverflowCount: 4,
    flowFaultCount: 5,
    missedBytes: 6,
    opaqueFlows: { tls: 7, http2: 8, other: 9, tunnel: 10 },
    opaqueBytes: 104,
    kernelDropCount: 11,
    shedCount: 12,
    sampledOutCount: 14,
    tunnels: { vxlan: { frameCount: 105, notUnderstoodCount: 13 }, gre: { frameCount: 1, notUnderstoodCount: 0 } },
    tls: { helloCount: 106, bytes: 107, undecryptedBytes: 108, decryptedBytes: 109, servers: [] },
    anomalies: {},
    warnings: [],
  }
  const named = notVisible(summary)
  expect(named['contents not decoded']).toBe(3)
  expect(Object.values(named).sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14])
  expect(tunnelFrames(summary)).toEqual({ vxlan: 105, gre: 1 })
})
