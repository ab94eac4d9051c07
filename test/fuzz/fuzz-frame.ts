/** What a case of the fuzzer is made of, and the cuts of captures that it is made from. */

import type { Direction } from '@tapwarden/net/stream-consumer'

export interface FuzzFrame {
  readonly bytes: Uint8Array
  timestampUs: number
  readonly linkType: number
  /** Of a flow that must be read as if it were alone. */
  readonly isClean: boolean
}

/** What one side said before the other spoke, or until it was read. */
export interface Said {
  readonly direction: Direction
  readonly bytes: Uint8Array
}

export interface Conversation {
  readonly source: string
  readonly turns: readonly Said[]
}

/** One TCP segment before it becomes a frame; every field may be nonsense. */
export interface FuzzSegment {
  direction: Direction
  seq: number
  ack: number
  flags: number
  payload: Uint8Array
  urgentPointer: number
}

export const noBytes = new Uint8Array(0)

export function concatenated(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** No Buffer: `slice` of one does not copy, and whoever mutates the copy would mutate the corpus. */
export function latin1Bytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'latin1'))
}
