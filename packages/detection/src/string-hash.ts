/** Hashes of strings: 32-bit ones for sketches and sets of this process, and the content-derived id of a finding. */

import { createHash } from 'node:crypto'

/** FNV-1a over UTF-16 code units with MurmurHash3's finalizer. Not for adversarial secrecy: tokens are keyed hashes already. */
export function hash32(text: string, seed = 0): number {
  let hash = 0x811c9dc5 ^ seed
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/**
 * The id of a finding: the same detector, subject and change point give the same id. The change point is taken to
 * `bucketUs`, so that records that arrive a little out of order do not name one attack twice.
 */
export function findingId(detectorId: string, subject: string, changePointUs: number, bucketUs: number): string {
  const bucket = Math.floor(changePointUs / bucketUs)
  const digest = createHash('sha256').update(`${detectorId}\n${subject}\n${bucket}`).digest('hex')
  return `f-${digest.slice(0, 16)}`
}
