/** Cipher suites by number: their names (IANA) and how their records are opened. A table: RFC 8446 §B.4, 5246, 5288, 5289, 5487, 6655, 7251, 7905, 8442. */

export type HashName = 'sha1' | 'sha256' | 'sha384'

interface SuiteBase {
  readonly name: string
  readonly keyBytes: number
  /** Of the key schedule; before TLS 1.2 it does not matter. */
  readonly hash: 'sha256' | 'sha384'
}

export interface AeadSuite extends SuiteBase {
  readonly mode: 'gcm' | 'ccm' | 'chacha20'
  /** As `node:crypto` names it. */
  readonly cipher: 'aes-128-gcm' | 'aes-256-gcm' | 'aes-128-ccm' | 'aes-256-ccm' | 'chacha20-poly1305'
  readonly tagBytes: number
}

export interface CbcSuite extends SuiteBase {
  readonly mode: 'cbc'
  readonly cipher: 'aes-128-cbc' | 'aes-256-cbc'
  readonly mac: HashName
  readonly macBytes: number
}

export type CipherSuite = AeadSuite | CbcSuite
type Algorithm = Omit<AeadSuite, 'name'> | Omit<CbcSuite, 'name'>

const gcm128: Algorithm = { mode: 'gcm', cipher: 'aes-128-gcm', keyBytes: 16, hash: 'sha256', tagBytes: 16 }
const gcm256: Algorithm = { mode: 'gcm', cipher: 'aes-256-gcm', keyBytes: 32, hash: 'sha384', tagBytes: 16 }
const ccm128: Algorithm = { mode: 'ccm', cipher: 'aes-128-ccm', keyBytes: 16, hash: 'sha256', tagBytes: 16 }
const ccm256: Algorithm = { mode: 'ccm', cipher: 'aes-256-ccm', keyBytes: 32, hash: 'sha256', tagBytes: 16 }
const chacha20: Algorithm = {
  mode: 'chacha20',
  cipher: 'chacha20-poly1305',
  keyBytes: 32,
  hash: 'sha256',
  tagBytes: 16,
}
const algorithms: Readonly<Record<string, Algorithm>> = {
  AES_128_GCM_SHA256: gcm128,
  AES_256_GCM_SHA384: gcm256,
  CHACHA20_POLY1305_SHA256: chacha20,
  AES_128_CCM_SHA256: ccm128,
  AES_128_CCM_8_SHA256: { ...ccm128, tagBytes: 8 },
  AES_128_CCM: ccm128,
  AES_256_CCM: ccm256,
  AES_128_CCM_8: { ...ccm128, tagBytes: 8 },
  AES_256_CCM_8: { ...ccm256, tagBytes: 8 },
  AES_128_CBC_SHA: cbc(16, 'sha1'),
  AES_256_CBC_SHA: cbc(32, 'sha1'),
  AES_128_CBC_SHA256: cbc(16, 'sha256'),
  AES_256_CBC_SHA256: cbc(32, 'sha256'),
  AES_256_CBC_SHA384: cbc(32, 'sha384'),
}

/** Algorithm → key exchanges with their numbers. TLS 1.3 has none in its suites. */
const suiteNumbers: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  AES_128_GCM_SHA256: {
    '': 0x1301,
    RSA: 0x009c,
    DHE_RSA: 0x009e,
    DH_RSA: 0x00a0,
    DHE_DSS: 0x00a2,
    DH_anon: 0x00a6,
    PSK: 0x00a8,
    DHE_PSK: 0x00aa,
    RSA_PSK: 0x00ac,
    ECDHE_ECDSA: 0xc02b,
    ECDH_ECDSA: 0xc02d,
    ECDHE_RSA: 0xc02f,
    ECDH_RSA: 0xc031,
    ECDHE_PSK: 0xd001,
  },
  AES_256_GCM_SHA384: {
    '': 0x1302,
    RSA: 0x009d,
    DHE_RSA: 0x009f,
    DH_RSA: 0x00a1,
    DHE_DSS: 0x00a3,
    DH_anon: 0x00a7,
    PSK: 0x00a9,
    DHE_PSK: 0x00ab,
    RSA_PSK: 0x00ad,
    ECDHE_ECDSA: 0xc02c,
    ECDH_ECDSA: 0xc02e,
    ECDHE_RSA: 0xc030,
    ECDH_RSA: 0xc032,
    ECDHE_PSK: 0xd002,
  },
  CHACHA20_POLY1305_SHA256: {
    '': 0x1303,
    ECDHE_RSA: 0xcca8,
    ECDHE_ECDSA: 0xcca9,
    DHE_RSA: 0xccaa,
    PSK: 0xccab,
    ECDHE_PSK: 0xccac,
    DHE_PSK: 0xccad,
    RSA_PSK: 0xccae,
  },
  AES_128_CCM_SHA256: { '': 0x1304, ECDHE_PSK: 0xd005 },
  AES_128_CCM_8_SHA256: { '': 0x1305, ECDHE_PSK: 0xd003 },
  AES_128_CCM: { RSA: 0xc09c, DHE_RSA: 0xc09e, PSK: 0xc0a4, DHE_PSK: 0xc0a6, ECDHE_ECDSA: 0xc0ac },
  AES_256_CCM: { RSA: 0xc09d, DHE_RSA: 0xc09f, PSK: 0xc0a5, DHE_PSK: 0xc0a7, ECDHE_ECDSA: 0xc0ad },
  AES_128_CCM_8: { RSA: 0xc0a0, DHE_RSA: 0xc0a2, PSK: 0xc0a8, PSK_DHE: 0xc0aa, ECDHE_ECDSA: 0xc0ae },
  AES_256_CCM_8: { RSA: 0xc0a1, DHE_RSA: 0xc0a3, PSK: 0xc0a9, PSK_DHE: 0xc0ab, ECDHE_ECDSA: 0xc0af },
  AES_128_CBC_SHA: {
    RSA: 0x002f,
    DHE_DSS: 0x0032,
    DHE_RSA: 0x0033,
    PSK: 0x008c,
    DHE_PSK: 0x0090,
    RSA_PSK: 0x0094,
    ECDHE_ECDSA: 0xc009,
    ECDHE_RSA: 0xc013,
    ECDHE_PSK: 0xc035,
  },
  AES_256_CBC_SHA: {
    RSA: 0x0035,
    DHE_DSS: 0x0038,
    DHE_RSA: 0x0039,
    PSK: 0x008d,
    DHE_PSK: 0x0091,
    RSA_PSK: 0x0095,
    ECDHE_ECDSA: 0xc00a,
    ECDHE_RSA: 0xc014,
    ECDHE_PSK: 0xc036,
  },
  AES_128_CBC_SHA256: {
    RSA: 0x003c,
    DHE_DSS: 0x0040,
    DHE_RSA: 0x0067,
    PSK: 0x00ae,
    DHE_PSK: 0x00b2,
    RSA_PSK: 0x00b6,
    ECDHE_ECDSA: 0xc023,
    ECDHE_RSA: 0xc027,
    ECDHE_PSK: 0xc037,
  },
  AES_256_CBC_SHA256: { RSA: 0x003d, DHE_DSS: 0x006a, DHE_RSA: 0x006b },
  AES_256_CBC_SHA384: {
    PSK: 0x00af,
    DHE_PSK: 0x00b3,
    RSA_PSK: 0x00b7,
    ECDHE_ECDSA: 0xc024,
    ECDHE_RSA: 0xc028,
    ECDHE_PSK: 0xc038,
  },
}

const suites: ReadonlyMap<number, CipherSuite> = new Map(
  Object.entries(suiteNumbers).flatMap(([algorithm, numbers]) =>
    Object.entries(numbers).map(([keyExchange, number]): [number, CipherSuite] => {
      const name = `TLS_${keyExchange === '' ? '' : `${keyExchange}_WITH_`}${algorithm}`
      return [number, { ...algorithms[algorithm]!, name }] // Both tables have the same keys; the test compares.
    }),
  ),
)

/** Undefined for suites that are not decrypted here. */
export function cipherSuite(number: number): CipherSuite | undefined {
  return suites.get(number)
}

/** IANA's name, or the number in hex where it is none of those above. */
export function cipherSuiteName(number: number): string {
  return suites.get(number)?.name ?? `0x${number.toString(16).padStart(4, '0')}`
}

function cbc(keyBytes: 16 | 32, mac: HashName): Algorithm {
  const macBytes = mac === 'sha1' ? 20 : mac === 'sha256' ? 32 : 48
  const cipher = keyBytes === 16 ? 'aes-128-cbc' : 'aes-256-cbc'
  return { mode: 'cbc', cipher, keyBytes, hash: mac === 'sha384' ? 'sha384' : 'sha256', mac, macBytes }
}
