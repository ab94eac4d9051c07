/** From logged secrets to keys: the PRF of TLS 1.0 to 1.2 (RFC 2246 §5, RFC 5246 §5, §6.3) and HKDF-Expand-Label of TLS 1.3 (RFC 8446 §7.1 to §7.3). */

import { createHmac } from 'node:crypto'
import type { CipherSuite } from './cipher-suites.js'
import { versionTls12 } from './record.js'

/** What opens the records of one direction. */
export interface DirectionKeys {
  readonly key: Uint8Array
  /** Fixed part of the nonce; for CBC in TLS 1.0 the first block, else empty. */
  readonly iv: Uint8Array
  /** CBC only. */
  readonly macKey: Uint8Array
}

export function trafficKeys(secret: Uint8Array, suite: CipherSuite): DirectionKeys {
  return {
    key: expandLabel(suite.hash, secret, 'key', suite.keyBytes),
    iv: expandLabel(suite.hash, secret, 'iv', 12),
    macKey: new Uint8Array(0),
  }
}

/** The secret behind a KeyUpdate. RFC 8446 §7.2. */
export function nextTrafficSecret(secret: Uint8Array, suite: CipherSuite): Uint8Array {
  return expandLabel(suite.hash, secret, 'traffic upd', secret.length)
}

/** HKDF-Expand-Label with an empty context. */
export function expandLabel(hash: string, secret: Uint8Array, label: string, lengthBytes: number): Uint8Array {
  const name = Buffer.from(`tls13 ${label}`, 'latin1')
  const info = Buffer.from([lengthBytes >> 8, lengthBytes & 0xff, name.length, ...name, 0])
  const out = Buffer.alloc(lengthBytes)
  let block: Uint8Array = Buffer.alloc(0)
  for (let at = 0, index = 1; at < lengthBytes; index++) {
    const hmac = createHmac(hash, secret)
    hmac.update(block)
    hmac.update(info)
    block = hmac.update(Uint8Array.of(index)).digest()
    out.set(block.subarray(0, lengthBytes - at), at)
    at += block.length
  }
  return out
}

/** Both directions' keys, cut from the key block. `version` is the negotiated one, at most 1.2. */
export function masterKeys(
  master: Uint8Array,
  clientRandom: Uint8Array,
  serverRandom: Uint8Array,
  suite: CipherSuite,
  version: number,
): { readonly client: DirectionKeys; readonly server: DirectionKeys } {
  const macBytes = suite.mode === 'cbc' ? suite.macBytes : 0
  const ivBytes = suite.mode === 'chacha20' ? 12 : suite.mode !== 'cbc' ? 4 : version < 0x0302 ? 16 : 0
  const seed = Buffer.concat([serverRandom, clientRandom])
  const block = prf(master, 'key expansion', seed, 2 * (macBytes + suite.keyBytes + ivBytes), suite.hash, version)
  let at = 0
  const next = (lengthBytes: number): Uint8Array => {
    at += lengthBytes
    return block.subarray(at - lengthBytes, at)
  }
  const macKeys = [next(macBytes), next(macBytes)] as const
  const keys = [next(suite.keyBytes), next(suite.keyBytes)] as const
  const ivs = [next(ivBytes), next(ivBytes)] as const
  return {
    client: { macKey: macKeys[0], key: keys[0], iv: ivs[0] },
    server: { macKey: macKeys[1], key: keys[1], iv: ivs[1] },
  }
}

export function prf(
  secret: Uint8Array,
  label: string,
  seed: Uint8Array,
  lengthBytes: number,
  hash: string,
  version: number,
): Uint8Array {
  const labelled = Buffer.concat([Buffer.from(label, 'latin1'), seed])
  if (version >= versionTls12) return pHash(hash, secret, labelled, lengthBytes)
  // Before 1.2: MD5 with one half of the secret, SHA-1 with the other, combined.
  const halfBytes = Math.ceil(secret.length / 2)
  const md5 = pHash('md5', secret.subarray(0, halfBytes), labelled, lengthBytes)
  const sha1 = pHash('sha1', secret.subarray(secret.length - halfBytes), labelled, lengthBytes)
  return md5.map((byte, index) => byte ^ sha1[index]!) // Of the same length.
}

function pHash(hash: string, secret: Uint8Array, seed: Uint8Array, lengthBytes: number): Uint8Array {
  const out = new Uint8Array(lengthBytes)
  let a: Uint8Array = seed
  for (let at = 0; at < lengthBytes; ) {
    a = createHmac(hash, secret).update(a).digest()
    const block = createHmac(hash, secret).update(a).update(seed).digest()
    out.set(block.subarray(0, lengthBytes - at), at)
    at += block.length
  }
  return out
}
