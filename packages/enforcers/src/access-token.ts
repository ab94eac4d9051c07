/** The token of an API key, bearer token or cookie value, as sensors compute it (contracts/token.ts, class access). */

import { createHmac } from 'node:crypto'

export interface AccessKey {
  /** Number of the fleet key that the subkey comes from: the digit in `a1.`. */
  readonly keyNumber: number
  /** The `access` subkey, never the fleet key itself; base64, as HAProxy takes it. */
  readonly base64: string
}

const digestBytes = 16

/** `secret`: the bytes after the scheme, Latin-1 as they stand in the field. */
export function accessTokenOf(key: AccessKey, secret: string): string {
  const digest = createHmac('sha256', Buffer.from(key.base64, 'base64')).update(Buffer.from(secret, 'latin1')).digest()
  return `a${key.keyNumber}.${digest.toString('hex', 0, digestBytes)}`
}
