/**
 * Transaction → partition of `http.transactions.v1`. FROZEN: two sensors of different ages must agree, so neither the order of
 * keys nor the hash may ever change; a different scheme is a new topic version (DESIGN "Decided" 7).
 */

import { partitionCounts, topicNames } from './names.js'
import type { HttpTransaction } from './transaction.js'

type Keyed = Pick<HttpTransaction, 'sessionToken' | 'accessToken' | 'accountToken' | 'clientAddress'>

/** The first of session, access token, account, client address. */
export function partitionKey(transaction: Keyed): string {
  return (
    transaction.sessionToken ?? transaction.accessToken ?? transaction.accountToken ?? `ip.${transaction.clientAddress}`
  )
}

export function partitionOf(transaction: Keyed): number {
  return frozenHash(partitionKey(transaction)) % partitionCounts[topicNames.transactions]
}

/** FNV-1a, 32 bits, over the key's UTF-16 code units (keys are ASCII), then MurmurHash3's finalizer so that every bit counts. */
function frozenHash(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
