/** One case through what the service runs, from frame to published line, and what was wrong with that. */

import { transactionTopic } from '@tapwarden/contracts/transaction'
import { defaultHttpLimits } from '@tapwarden/http/http-limits'
import { PcapReader } from '@tapwarden/pcap/pcap-reader'
import { concatBytes, pcapHeader, pcapRecord } from '@tapwarden/pcap/pcap-writer'
import { createRedactor, type Redactor } from '@tapwarden/redaction/redact-transaction'
import { TransactionReader, type TransactionReaderOptions } from '@tapwarden/service-capture/transaction-reader'
import { KeyLog } from '@tapwarden/tls/key-log'
import { Random } from '../random.js'
import { noisy } from './byte-mutations.js'
import type { FuzzCase } from './fuzz-case.js'
import type { FuzzFrame } from './fuzz-frame.js'
import { fuzzKeyLog } from './tls-sealing.js'

export type ComplaintKind = 'threw' | 'clean-flow-changed' | 'invalid-line' | 'not-let-go' | 'guard-failed'

export interface Complaint {
  readonly kind: ComplaintKind
  readonly detail: string
}

export interface CheckedCase {
  readonly complaint: Complaint | undefined
  readonly transactionCount: number
  readonly cleanTransactionCount: number
  /** Of TLS, those that a key opened. */
  readonly openedRecordCount: number
}

const lineCheckEvery = 8

/** Limits that small cases reach. */
const tightLimits = {
  flowLimits: {
    flowMaxCount: 3,
    halfBufferMaxBytes: 4_000,
    bufferMaxBytes: 9_000,
    idleTimeoutUs: 300_000,
    closedTimeoutUs: 1_000,
  },
  httpLimits: {
    headMaxBytes: 500,
    pendingRequestsMax: 2,
    contentMaxBytes: 700,
    decodedMaxBytes: 3_000,
    flowBufferedMaxBytes: 2_000,
    totalBufferedMaxBytes: 9_000,
    webSocketHeldMax: 1,
    searchMaxBytes: 300,
  },
  tls: {
    limits: {
      handshakeMaxBytes: 200,
      pendingMaxBytes: 2_000,
      totalMaxBytes: 5_000,
      resyncMaxTries: 4,
      failedRecordsMax: 2,
    },
  },
} satisfies Partial<TransactionReaderOptions>

export class CaseChecker {
  readonly #redactor = newRedactor()
  readonly #redactorAlone = newRedactor()
  readonly #keyLog: string
  #lineCount = 0

  /** `keyLog`: the secrets of connections that are to be opened. */
  constructor(keyLog = fuzzKeyLog) {
    this.#keyLog = keyLog
  }

  check(fuzzCase: FuzzCase): CheckedCase {
    let transactionCount = 0
    let cleanTransactionCount = 0
    let openedRecordCount = 0
    let complaint: Complaint | undefined
    try {
      const result = this.#read(fuzzCase, fuzzCase.frames, this.#redactor, undefined)
      transactionCount = result.transactionCount
      openedRecordCount = result.openedRecordCount
      complaint = result.complaint
      if (fuzzCase.kind === 'plain') {
        const alone = this.#read(fuzzCase, cleanOf(fuzzCase.frames), this.#redactorAlone, undefined)
        cleanTransactionCount = [...alone.clean.values()].reduce((sum, lines) => sum + lines.length, 0)
        complaint ??= difference(alone.clean, result.clean, 'clean-flow-changed')
        if (fuzzCase.faultEvery > 0) {
          const guarded = this.#read(fuzzCase, fuzzCase.frames, newRedactor(), fuzzCase.faultEvery)
          complaint ??= difference(alone.clean, guarded.clean, 'guard-failed')
        }
      }
      if (fuzzCase.caseIndex % 16 === 0) readAsDamagedFile(fuzzCase)
    } catch (error) {
      complaint = { kind: 'threw', detail: error instanceof Error ? (error.stack ?? error.message) : String(error) }
    }
    return { complaint, transactionCount, cleanTransactionCount, openedRecordCount }
  }

  /** `faultEvery`: with the guard on, and so often a fault of ours to guard against. */
  #read(
    { kind, keysAtUs }: FuzzCase,
    frames: readonly FuzzFrame[],
    redactor: Redactor,
    faultEvery: number | undefined,
  ) {
    const keyLog = new KeyLog()
    let isKeyLogThere = false
    const tellKeys = (): void => {
      if (isKeyLogThere) return
      isKeyLogThere = true
      keyLog.push(Buffer.from(this.#keyLog))
      reader.keysMayHaveCome(keysAtUs)
    }
    const clean = new Map<string, string[]>()
    let transactionCount = 0
    let complaint: Complaint | undefined
    const reader = new TransactionReader({
      ...(kind === 'tight' ? tightLimits : {}),
      tls: { keyLog, waitsForKeys: true, ...(kind === 'tight' ? tightLimits.tls : {}) },
      ...(faultEvery === undefined ? {} : { onFlowFault: () => undefined }),
      onTransaction: (flow, raw) => {
        transactionCount++
        const isClean = isCleanAddress(flow.clientIp) || isCleanAddress(flow.serverIp)
        if (faultEvery !== undefined && !isClean && transactionCount % faultEvery === 0)
          throw new Error('a fault on purpose')
        const { line } = redactor.redact(flow, raw)
        if (this.#lineCount++ % lineCheckEvery === 0) complaint ??= faultOf(line)
        if (!isClean) return
        const key = `${flow.clientIp} ${flow.clientPort} ${flow.serverIp} ${flow.serverPort}`
        const lines = clean.get(key)
        const text = Buffer.from(line.buffer, line.byteOffset, line.length).toString('latin1')
        if (lines === undefined) clean.set(key, [text])
        else lines.push(text)
      },
    })
    for (const { bytes, timestampUs, linkType } of frames) {
      if (timestampUs >= keysAtUs) tellKeys()
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
      reader.frame({ buffer: bytes, view, offset: 0, end: bytes.length, timestampUs, linkType })
    }
    tellKeys()
    reader.end()
    const { flows, tls } = reader.statistics()
    const { flowCount, bufferedBytes } = flows
    if (flowCount !== 0 || bufferedBytes !== 0 || tls.heldBytes !== 0) {
      complaint ??= {
        kind: 'not-let-go',
        detail: `${flowCount} flows, ${bufferedBytes} bytes and ${tls.heldBytes} of TLS are held behind the end`,
      }
    }
    reader.anomalies()
    return { clean, transactionCount, complaint, openedRecordCount: tls.counters.decryptedRecordCount }
  }
}

function newRedactor(): Redactor {
  return createRedactor({
    fleetKey: new Uint8Array(32).fill(7),
    keyNumber: 1,
    trustedHops: ['10.0.0.0/8', '172.16.0.0/12'],
  })
}

function isCleanAddress(address: string): boolean {
  return address.startsWith('172.29.') || address.startsWith('172.30.') || address.startsWith('2620:1ce:c1ea:')
}

function cleanOf(frames: readonly FuzzFrame[]): FuzzFrame[] {
  return frames.filter(({ isClean }) => isClean)
}

function faultOf(line: Uint8Array): Complaint | undefined {
  try {
    for (const record of transactionTopic.decode(line)) transactionTopic.parse(record)
    return undefined
  } catch (error) {
    return { kind: 'invalid-line', detail: `${String(error)}\n${Buffer.from(line).toString('latin1')}` }
  }
}

function difference(
  alone: Map<string, string[]>,
  beside: Map<string, string[]>,
  kind: ComplaintKind,
): Complaint | undefined {
  for (const key of new Set([...alone.keys(), ...beside.keys()])) {
    const [expected = [], got = []] = [alone.get(key), beside.get(key)]
    const length = Math.max(expected.length, got.length)
    for (let index = 0; index < length; index++) {
      if (expected[index] === got[index]) continue
      return {
        kind,
        detail: `${key}, transaction ${index}:\nalone:  ${expected[index] ?? 'none'}\nbeside: ${got[index] ?? 'none'}`,
      }
    }
  }
  return undefined
}

/** The same frames as a capture file that a bad disk gave back, in blocks cut anywhere. Only that nothing is thrown is promised. */
function readAsDamagedFile({ frames, caseIndex }: FuzzCase): void {
  const random = new Random(caseIndex)
  const file = noisy(
    concatBytes([pcapHeader({ linkType: 1 }), ...frames.map((frame) => pcapRecord(frame, { linkType: 1 }))]),
    random,
    1 + random.below(4),
  )
  const reader = new TransactionReader({ onTransaction: () => undefined, httpLimits: { ...defaultHttpLimits } })
  const records = new PcapReader({ onFrame: (frame) => reader.frame(frame) })
  for (let at = 0; at < file.length; ) {
    const bytes = 1 + random.below(random.chance(0.5) ? 30 : 5_000)
    records.push(file, at, Math.min(file.length, at + bytes))
    at += bytes
  }
  records.end()
  reader.end()
}
