/** Units as brands: a bare number does not compile as a time or a size. Brand once, at the edge. */

import { assert } from './assert.js'

/** Wall-clock milliseconds since the Unix epoch. */
export type EpochMs = number & { readonly brand: 'EpochMs' }
/** Capture-clock microseconds since the Unix epoch: event time everywhere. Exact up to the year 2255 (2^53 µs). */
export type EpochUs = number & { readonly brand: 'EpochUs' }
/** A span in milliseconds. */
export type DurationMs = number & { readonly brand: 'DurationMs' }
/** A size in bytes. */
export type ByteCount = number & { readonly brand: 'ByteCount' }

export const microsPerMilli = 1_000
export const microsPerSecond = 1_000_000
export const microsPerMinute = 60 * microsPerSecond
export const microsPerHour = 60 * microsPerMinute
export const microsPerDay = 24 * microsPerHour

export function epochMs(value: number): EpochMs {
  assert(Number.isFinite(value) && value >= 0, 'a wall-clock time is a finite, non-negative number of milliseconds')
  return value as EpochMs
}

export function epochUs(value: number): EpochUs {
  assert(Number.isSafeInteger(value) && value >= 0, 'an event time is a whole, non-negative number of microseconds')
  return value as EpochUs
}

export function durationMs(value: number): DurationMs {
  assert(Number.isFinite(value) && value >= 0, 'a duration is a finite, non-negative number of milliseconds')
  return value as DurationMs
}

export function byteCount(value: number): ByteCount {
  assert(Number.isSafeInteger(value) && value >= 0, 'a size is a whole, non-negative number of bytes')
  return value as ByteCount
}
