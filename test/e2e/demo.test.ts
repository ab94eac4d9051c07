import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { paces, play } from '../range/acts.js'
import { findHaproxy } from '../range/haproxy-edge.js'
import { captureMissing } from '../servers/capture.js'

/** The whole loop, judged by the clients' own log and by the store. The seeds are arbitrary. */
const seeds = [11, 12, 13]

const haproxyMissing = findHaproxy() === undefined ? 'HAProxy is not installed (Debian package haproxy)' : undefined
const missing = haproxyMissing ?? (await captureMissing())
if (missing !== undefined && process.env['CI'] === 'true') throw new Error(missing)

async function playOnce(edge: 'haproxy' | 'node', seed: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'tw-'))
  const lines: string[] = []
  try {
    const verdict = await play({ seed, folder, edge, pace: paces.test, say: (line) => lines.push(line) })
    expect(verdict.complaints, lines.join('\n')).toEqual([])
    expect(verdict.benignRequestCount).toBeGreaterThan(100)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

describe('both attacks are found and stopped, and nobody else is refused', () => {
  it.each(seeds)('over the Node edge, seed %i', (seed) => playOnce('node', seed))

  it.skipIf(missing !== undefined).each(seeds)(
    `over HAProxy and tcpdump, seed %i${missing === undefined ? '' : `: ${missing}`}`,
    (seed) => playOnce('haproxy', seed),
  )
})
