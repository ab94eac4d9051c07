/**
 * Signed webhooks: a receiver can tell that a body is ours, unchanged and recent.
 *
 * `x-tapwarden-signature: t=SECONDS,v1=HEX`, where HEX is HMAC-SHA-256 of `SECONDS.BODY` under the shared secret. More than one
 * `v1` may stand in the field while a secret is being rotated; unknown members are for later versions and ignored.
 */

import { createHmac, timingSafeEqual } from 'node:crypto'

export const signatureFieldName = 'x-tapwarden-signature'
/** How far `t` may lie from the receiver's clock. */
export const signatureToleranceSeconds = 300

export function signWebhook(secret: string, body: Uint8Array, nowMs: number): string {
  const seconds = Math.floor(nowMs / 1000)
  return `t=${seconds},v1=${digestOf(secret, seconds, body).toString('hex')}`
}

export type SignatureFault = 'malformed' | 'stale' | 'mismatch'

/** Undefined when `field` is a signature of `body` under `secret`, else why not. Takes the same time wherever a digest differs. */
export function verifyWebhook(
  secret: string,
  field: string,
  body: Uint8Array,
  nowMs: number,
  toleranceSeconds = signatureToleranceSeconds,
): SignatureFault | undefined {
  let seconds: number | undefined
  const digests: Buffer[] = []
  for (const member of field.split(',')) {
    const time = /^\s*t=(\d{1,12})\s*$/.exec(member)
    if (time !== null) {
      if (seconds !== undefined) return 'malformed'
      seconds = Number(time[1])
    }
    const digest = /^\s*v1=([0-9a-f]{64})\s*$/.exec(member)?.[1]
    if (digest !== undefined) digests.push(Buffer.from(digest, 'hex'))
  }
  if (seconds === undefined || digests.length === 0) return 'malformed'
  const expected = digestOf(secret, seconds, body)
  let matched = false
  for (const digest of digests) matched = timingSafeEqual(digest, expected) || matched
  if (!matched) return 'mismatch'
  return Math.abs(nowMs / 1000 - seconds) > toleranceSeconds ? 'stale' : undefined
}

function digestOf(secret: string, seconds: number, body: Uint8Array): Buffer {
  return createHmac('sha256', secret).update(`${seconds}.`).update(body).digest()
}
