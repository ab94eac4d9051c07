import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Bus, OutgoingRecord } from '@tapwarden/bus/bus'
import { type TopicName, topicNames } from '@tapwarden/contracts/names'
import { sensorIntervalTopic } from '@tapwarden/contracts/sensor-interval'
import { type HttpTransaction, transactionTopic } from '@tapwarden/contracts/transaction'
import type { BuiltFrame, Turn } from '@tapwarden/net/frame-builder'
import { PcapReader } from '@tapwarden/pcap/pcap-reader'
import { concatBytes, pcapngBlock, pcapngSection, writePcap, writePcapng } from '@tapwarden/pcap/pcap-writer'
import { createRedactor } from '@tapwarden/redaction/redact-transaction'
import { silentLogger } from '@tapwarden/runtime/logger'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type CaptureOptions, runCapture } from '../capture-pipeline.js'
import { captureConfigSchema } from '../config.js'
import type { FrameSink, FrameSource } from '../sources/frame-source.js'
import { MergedCapturesSource } from '../sources/merged-captures.js'
import { PcapFileSource } from '../sources/pcap-file.js'
import { framesOf, makeIdentity, recordExchange } from './tls-recording.js'

const turns: readonly Turn[] = ['/one', '/two'].flatMap((path) => [
  { direction: 'c2s' as const, bytes: Buffer.from(`GET ${path} HTTP/1.1\r\nHost: shop.example\r\n\r\n`) },
  { direction: 's2c' as const, bytes: Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok') },
])

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tapwarden-keys-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

function sourceOf(frames: readonly BuiltFrame[], afterwards: () => void): FrameSource {
  return {
    frames: async (sink: FrameSink) => {
      new PcapReader({ onFrame: (frame) => sink.frame(frame) }).push(writePcap(frames, { linkType: 1 }))
      await sink.afterBlock?.()
      afterwards()
    },
    stop: async () => {},
    statistics: () => ({
      frameCount: frames.length,
      bytesRead: 0,
      totalBytes: undefined,
      kernelDroppedCount: 0,
      restartCount: 0,
      warnings: [],
    }),
  }
}

async function run(source: FrameSource, options: Partial<CaptureOptions> & { readonly keyLogFile?: string }) {
  const lines: Buffer[] = []
  const intervals: Buffer[] = []
  const bus: Pick<Bus, 'publish'> = {
    publish: async (topic: TopicName, records: readonly OutgoingRecord[]) => {
      const into = topic === topicNames.transactions ? lines : intervals
      for (const { value } of records) into.push(Buffer.from(value))
    },
  }
  const { keyLogFile, ...more } = options
  const summary = await runCapture({
    source,
    bus: bus as Bus,
    redactor: createRedactor({ fleetKey: new Uint8Array(32).fill(7), keyNumber: 1 }),
    config: captureConfigSchema.parse({ tls: keyLogFile === undefined ? {} : { keyLogFile } }),
    logger: silentLogger,
    ...more,
  })
  const published = Buffer.concat([...lines, ...intervals])
  const transactions: HttpTransaction[] = lines.flatMap((line) => [...transactionTopic.decode(line)])
  return {
    summary,
    transactions,
    published,
    intervals: intervals.flatMap((line) => [...sensorIntervalTopic.decode(line)]),
  }
}

describe('the sensor', () => {
  it('publishes what TLS hid, with what is known of the connection, and nothing of the secrets', async () => {
    const { turns: said, keyLog } = await recordExchange(turns, {
      identity: makeIdentity('ec'),
      server: { ALPNProtocols: ['http/1.1'] },
      client: { ALPNProtocols: ['http/1.1'] },
    })
    const keyLogFile = join(folder, 'keys.log')
    writeFileSync(keyLogFile, keyLog, { mode: 0o600 })
    const { summary, transactions, published } = await run(
      sourceOf(framesOf(said), () => {}),
      { keyLogFile },
    )
    expect(transactions.map((each) => transactionTopic.parse(each).path)).toEqual(['/one', '/two'])
    expect(transactions[0]).toMatchObject({
      scheme: 'https',
      tlsVersion: '1.3',
      tlsServerName: 'shop.example',
      tlsAlpn: 'http/1.1',
      tlsCipher: 'TLS_AES_256_GCM_SHA384',
      ja3: expect.stringMatching(/^[0-9a-f]{32}$/),
      ja4: expect.stringMatching(/^t13d[0-9]{4}h1_/),
    })
    expect(summary.tls).toMatchObject({ helloCount: 1, undecryptedBytes: 0, keyLog: { connectionCount: 1 } })
    const shown = `${published.toString('latin1')}${JSON.stringify(summary)}`.toLowerCase()
    for (const word of keyLog.toLowerCase().match(/[0-9a-f]{32,}/g) ?? expect.unreachable()) {
      expect(shown).not.toContain(word.slice(0, 32))
    }
  })

  it('takes the secrets that a capture brings along', async () => {
    const { turns: said, keyLog } = await recordExchange(turns, { identity: makeIdentity('ec') })
    const text = Buffer.from(keyLog)
    const head = new Uint8Array(8)
    new DataView(head.buffer).setUint32(0, 0x544c534b, true)
    new DataView(head.buffer).setUint32(4, text.length, true)
    const options = { interfaces: [{ linkType: 1 }] }
    const section = pcapngSection(options).length
    const whole = writePcapng(framesOf(said), options)
    const secrets = pcapngBlock(10, concatBytes([head, text]))
    const path = join(folder, 'with-secrets.pcapng')
    writeFileSync(path, concatBytes([whole.subarray(0, section), secrets, whole.subarray(section)]))
    const merged = new MergedCapturesSource([{ path, firstFrameUs: 0 }])
    for (const source of [new PcapFileSource([path]), merged]) {
      const { summary, transactions } = await run(source, {})
      expect(transactions.map((each) => each.path)).toEqual(['/one', '/two'])
      expect(summary.tls.keyLog?.connectionCount).toBe(1)
    }
  })

  it('waits for a key log that is written later', async () => {
    const { turns: said, keyLog } = await recordExchange(turns, { identity: makeIdentity('ec') })
    const keyLogFile = join(folder, 'keys.log')
    writeFileSync(keyLogFile, '# none yet\n', { mode: 0o600 })
    const source = sourceOf(framesOf(said), () => appendFileSync(keyLogFile, keyLog))
    const late = await run(source, { keyLogFile, keyLogGrows: true })
    expect(late.transactions.map(({ path }) => path)).toEqual(['/one', '/two'])
    writeFileSync(keyLogFile, '# none yet\n')
    const never = await run(
      sourceOf(framesOf(said), () => {}),
      { keyLogFile, keyLogGrows: true },
    )
    expect(never.transactions).toEqual([])
    expect(never.summary.anomalies).toEqual({ 'tls.keys-missing': 1 })
    expect(never.intervals.at(-1)?.anomalies).toEqual({ 'tls.keys-missing': 1 })
  })

  it('says of a connection without keys whose it was, and how much', async () => {
    const { turns: said } = await recordExchange(turns, { identity: makeIdentity('ec') })
    const bytes = said.reduce((sum, turn) => sum + turn.bytes.length, 0)
    const { summary, transactions } = await run(
      sourceOf(framesOf(said), () => {}),
      {},
    )
    expect(transactions).toEqual([])
    expect(summary.opaqueFlows.tls).toBe(1)
    expect(summary.tls).toMatchObject({
      bytes,
      undecryptedBytes: bytes,
      servers: [{ server: '198.51.100.1:8443', serverName: 'shop.example', flowCount: 1, undecryptedBytes: bytes }],
    })
  })
})
