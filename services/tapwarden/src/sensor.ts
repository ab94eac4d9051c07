/** The sensor inside the embedded stack: the fleet key and the redactor; a source whose damage is told at the end; blindness for people. */

import { createRedactor, type Redactor } from '@tapwarden/redaction/redact-transaction'
import { loadFleetKeys } from '@tapwarden/runtime/key-file'
import { type ExitCodeName, UserError } from '@tapwarden/runtime/user-error'
import type { CaptureSummary } from '@tapwarden/service-capture/capture-pipeline'
import { contentPolicyOf } from '@tapwarden/service-capture/config'
import {
  type FrameSink,
  type FrameSource,
  FrameSourceError,
  type FrameSourceErrorCode,
  type FrameSourceStatistics,
} from '@tapwarden/service-capture/frame-source'
import { inspectKeyLogFile } from '@tapwarden/service-capture/key-log-file'
import type { TapwardenConfig } from './config.js'
import { harmless, type Output } from './output.js'

/** Throws `UserError` when the key file cannot be had. */
export async function openRedactor(config: TapwardenConfig, keyFile: string): Promise<Redactor> {
  const [key] = await loadFleetKeys(keyFile)
  return createRedactor({
    fleetKey: key.bytes,
    keyNumber: key.id,
    contentPolicy: contentPolicyOf(config.capture),
    contentSampling: config.capture.content.sampling,
    trustedHops: config.capture.trustedHops,
    hopsWrite: config.capture.trustedHopsWrite,
  })
}

/** Before anything is started: throws `UserError` when the key log of the configuration cannot be had, and notes when too many can have it. */
export async function checkKeyLog({ capture }: TapwardenConfig, output: Output): Promise<void> {
  const path = capture.tls.keyLogFile
  const warning = path === undefined ? undefined : await inspectKeyLogFile(path)
  if (warning !== undefined) output.note(`tapwarden: ${harmless(warning)}`)
}

/** Ends where its inner source fails, and keeps the reason: what came before is then still summed up. */
export class FaultKeepingSource implements FrameSource {
  readonly #inner: FrameSource
  fault: UserError | undefined

  constructor(inner: FrameSource) {
    this.#inner = inner
  }

  get comesAtOnce(): boolean {
    return this.#inner.comesAtOnce === true
  }

  async frames(sink: FrameSink): Promise<void> {
    try {
      await this.#inner.frames(sink)
    } catch (error) {
      if (!(error instanceof FrameSourceError)) throw error
      this.fault = sourceFault(error)
    }
  }

  stop(): Promise<void> {
    return this.#inner.stop()
  }

  statistics(): FrameSourceStatistics {
    return this.#inner.statistics()
  }
}

const faultCodes: Readonly<Record<FrameSourceErrorCode, ExitCodeName>> = {
  missing: 'noInput',
  directory: 'noInput',
  unreadable: 'noInput',
  empty: 'noInput',
  'not-a-capture': 'noInput',
  compressed: 'noInput',
  'malformed-record': 'dataError',
  'record-too-large': 'dataError',
  'tcpdump-missing': 'unavailable',
  'not-permitted': 'noPermission',
  'interface-unknown': 'noInput',
  'filter-invalid': 'usage',
  'capture-ended': 'unavailable',
  'listen-invalid': 'usage',
  'listen-failed': 'unavailable',
}

export function sourceFault(error: FrameSourceError): UserError {
  return new UserError(faultCodes[error.code], error.message, { cause: error })
}

function notUnderstoodCount({ tunnels }: CaptureSummary): number {
  return Object.values(tunnels).reduce((sum, count) => sum + count.notUnderstoodCount, 0)
}

/** Frames that came through tunnels, by tunnel. */
export function tunnelFrames({ tunnels }: CaptureSummary): Record<string, number> {
  return Object.fromEntries(Object.entries(tunnels).map(([name, { frameCount }]) => [name, frameCount]))
}

/** What the sensor could not see, by name. */
export function notVisible(summary: CaptureSummary): Record<string, number> {
  const { opaqueFlows } = summary
  return {
    'missed bytes': summary.missedBytes,
    'unanswered requests': summary.unansweredRequestCount,
    'requests given up before their answer': summary.pendingOverflowCount,
    'responses without request': summary.orphanResponseCount,
    'contents not decoded': summary.undecodedContentCount,
    'connections given up by a fault of the sensor': summary.flowFaultCount,
    'TLS flows': opaqueFlows.tls,
    'HTTP/2 flows': opaqueFlows.http2,
    'tunneled flows': opaqueFlows.tunnel,
    'flows of other protocols': opaqueFlows.other,
    'frames of tunnels not understood': notUnderstoodCount(summary),
    'packets dropped by the kernel': summary.kernelDropCount,
    'transactions shed': summary.shedCount,
    'transactions that others stand for': summary.sampledOutCount,
  }
}
