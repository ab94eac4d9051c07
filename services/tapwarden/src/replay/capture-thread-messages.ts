/** What the sensor's thread (capture-thread.ts) and the stack's thread (captures-in-thread.ts) say to each other. */

import type { OutgoingRecord } from '@tapwarden/bus/bus'
import type { TopicName } from '@tapwarden/contracts/names'
import type { LogFields } from '@tapwarden/runtime/logger'
import type { TapwardenConfig } from '../config.js'
import type { ProgressState } from '../progress.js'
import type { InputFile } from './input-files.js'
import type { CapturesRead } from './read-captures.js'

export interface CaptureThreadStart {
  readonly files: readonly InputFile[]
  readonly separate: boolean
  readonly speed: 'max' | 'real'
  readonly config: TapwardenConfig
  readonly keyFile: string
}

export type FromCaptureThread =
  /** The values' memory moves along. */
  | { readonly kind: 'publish'; readonly topic: TopicName; readonly records: readonly OutgoingRecord[] }
  | { readonly kind: 'progress'; readonly progress: ProgressState }
  | {
      readonly kind: 'log'
      readonly level: 'debug' | 'info' | 'warn' | 'error'
      readonly fields: LogFields
      readonly message: string
    }
  /** Everything is published and acknowledged. */
  | { readonly kind: 'ended'; readonly read: CapturesRead }

export type ToCaptureThread =
  /** The bus has taken so many bytes more. */
  | { readonly kind: 'taken'; readonly bytes: number }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'stop' }

export function bytesOf(records: readonly OutgoingRecord[]): number {
  return records.reduce((sum, record) => sum + record.value.length, 0)
}
