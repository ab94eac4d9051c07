/**
 * A conversation → the same under TLS 1.3 or 1.2, as an endpoint would have sent it, with secrets that are in `fuzzKeyLog`: no handshake takes place, and
 * nothing but the given chance decides, so that a case stays a function of its number. Real endpoints are recorded beside `services/capture`; what is
 * needed here are records that open, whatever was done to what is in them.
 */

import { type CipherGCM, createCipheriv, createHash, createHmac } from 'node:crypto'
import { type CipherSuite, cipherSuite } from '@tapwarden/tls/cipher-suites'
import { type DirectionKeys, masterKeys, nextTrafficSecret, trafficKeys } from '@tapwarden/tls/key-schedule'
import { versionTls12 } from '@tapwarden/tls/record'
import type { Random } from '../random.js'
import { randomBytes } from './byte-mutations.js'
import { concatenated, latin1Bytes, noBytes, type Said } from './fuzz-frame.js'
import { tlsRecord } from './seed-conversations.js'

type Direction = Said['direction']

const [changeCipherSpec, alert, handshake, applicationData] = [20, 21, 22, 23]
const identityCount = 8
const secretLabels = [
  'CLIENT_HANDSHAKE_TRAFFIC_SECRET',
  'SERVER_HANDSHAKE_TRAFFIC_SECRET',
  'CLIENT_TRAFFIC_SECRET_0',
  'SERVER_TRAFFIC_SECRET_0',
  'CLIENT_RANDOM',
] as const
const suites13 = [0x1301, 0x1302, 0x1303, 0x1304]
/** GCM, ChaCha20, CCM, and CBC with SHA-1 and SHA-256. */
const suites12 = [0xc02f, 0xc030, 0xcca8, 0xc0ac, 0xc013, 0xc027]

/** By client random, as many as there are identities; whoever shares one shares its secrets. */
const clientRandomOf = (identity: number): Uint8Array => digest(`client ${identity}`)

function digest(text: string): Uint8Array {
  return new Uint8Array(createHash('sha256').update(text).digest())
}

function secretOf(identity: number, label: (typeof secretLabels)[number], bytes: number): Uint8Array {
  return new Uint8Array(createHash('sha512').update(`${label} ${identity}`).digest().subarray(0, bytes))
}

/** Of TLS 1.3, a secret is as long as the hash of its suite: identities from the half on have SHA-384. */
const secretBytesOf = (identity: number): number => (identity < identityCount / 2 ? 32 : 48)

/** All secrets of all sealed conversations, as an endpoint logs them. */
export const fuzzKeyLog: string = Array.from({ length: identityCount }, (_, identity) =>
  secretLabels.map((label) => {
    const secret = secretOf(identity, label, label === 'CLIENT_RANDOM' ? 48 : secretBytesOf(identity))
    return `${label} ${Buffer.from(clientRandomOf(identity)).toString('hex')} ${Buffer.from(secret).toString('hex')}\n`
  }),
)
  .flat()
  .join('')

/** Faultless, however it is cut into records. */
export function sealed(turns: readonly Said[], random: Random): Said[] {
  const identity = random.below(identityCount)
  return random.chance(0.6) ? sealed13(turns, identity, random) : sealed12(turns, identity, random)
}

const u16 = (value: number): Uint8Array => Uint8Array.of(value >> 8, value & 255)
const extension = (type: number, body: Uint8Array): Uint8Array => concatenated(u16(type), u16(body.length), body)
const message = (type: number, body: Uint8Array): Uint8Array =>
  concatenated(Uint8Array.of(type, 0), u16(body.length), body)

function clientHello(identity: number): Uint8Array {
  const extensions = concatenated(
    extension(0, latin1Bytes('\0\x0f\0\0\x0cshop.example')),
    extension(16, latin1Bytes('\0\x0c\x02h2\x08http/1.1')),
    extension(43, Uint8Array.of(4, 3, 4, 3, 3)),
  )
  const suites = [...suites13, ...suites12].map(u16)
  return message(
    1,
    concatenated(
      Uint8Array.of(3, 3),
      clientRandomOf(identity),
      Uint8Array.of(0),
      u16(2 * suites.length),
      ...suites,
      Uint8Array.of(1, 0),
      u16(extensions.length),
      extensions,
    ),
  )
}

function serverHello(random: Uint8Array, suite: number, extensions: Uint8Array): Uint8Array {
  return message(
    2,
    concatenated(
      Uint8Array.of(3, 3),
      random,
      Uint8Array.of(0),
      u16(suite),
      Uint8Array.of(0),
      u16(extensions.length),
      extensions,
    ),
  )
}

function sealed13(turns: readonly Said[], identity: number, random: Random): Said[] {
  const secretBytes = secretBytesOf(identity)
  const number = secretBytes === 48 ? 0x1302 : random.pick(suites13.filter((each) => each !== 0x1302))
  const suite = cipherSuite(number)!
  const sealerOf = (label: (typeof secretLabels)[number]) =>
    new Sealer13(suite, secretOf(identity, label, secretBytes), random)
  const [clientShake, serverShake] = [
    sealerOf('CLIENT_HANDSHAKE_TRAFFIC_SECRET'),
    sealerOf('SERVER_HANDSHAKE_TRAFFIC_SECRET'),
  ]
  const traffic = { c2s: sealerOf('CLIENT_TRAFFIC_SECRET_0'), s2c: sealerOf('SERVER_TRAFFIC_SECRET_0') }
  const encrypted = message(8, latin1Bytes('\0\x0f\0\x10\0\x0b\0\x09\x08http/1.1'))
  const finished = message(20, new Uint8Array(suite.hash === 'sha384' ? 48 : 32))
  const hello = serverHello(digest(`server ${identity}`), number, extension(43, Uint8Array.of(3, 4)))
  const said: Said[] = [
    { direction: 'c2s', bytes: tlsRecord(handshake, clientHello(identity)) },
    {
      direction: 's2c',
      bytes: concatenated(
        tlsRecord(handshake, hello),
        tlsRecord(changeCipherSpec, Uint8Array.of(1)),
        serverShake.seal(handshake, encrypted),
        serverShake.seal(handshake, message(11, new Uint8Array(700))),
        serverShake.seal(handshake, finished),
      ),
    },
    {
      direction: 'c2s',
      bytes: concatenated(tlsRecord(changeCipherSpec, Uint8Array.of(1)), clientShake.seal(handshake, finished)),
    },
  ]
  if (random.chance(0.5)) {
    const ticket = message(4, new Uint8Array(60))
    said.push({ direction: 's2c', bytes: concatenated(...[1, 2].map(() => traffic.s2c.seal(handshake, ticket))) })
  }
  for (const { direction, bytes } of turns) {
    const sealer = traffic[direction]
    const records = cut(bytes, random).map((content) => sealer.seal(applicationData, content))
    if (random.chance(0.05)) records.push(sealer.updateKey())
    said.push({ direction, bytes: concatenated(...records) })
  }
  return [...said, ...closing(traffic)]
}

function sealed12(turns: readonly Said[], identity: number, random: Random): Said[] {
  const number = random.pick(suites12)
  const suite = cipherSuite(number)!
  const serverRandom = digest(`server ${identity}`)
  const keys = masterKeys(
    secretOf(identity, 'CLIENT_RANDOM', 48),
    clientRandomOf(identity),
    serverRandom,
    suite,
    versionTls12,
  )
  const isEncryptThenMac = suite.mode === 'cbc' && random.chance(0.5)
  const sides = {
    c2s: new Sealer12(suite, keys.client, isEncryptThenMac, random),
    s2c: new Sealer12(suite, keys.server, isEncryptThenMac, random),
  }
  const extensions = isEncryptThenMac ? extension(22, noBytes) : noBytes
  const turnOver = (direction: Direction): Uint8Array =>
    concatenated(
      tlsRecord(changeCipherSpec, Uint8Array.of(1)),
      sides[direction].seal(handshake, message(20, new Uint8Array(12))),
    )
  const said: Said[] = [
    { direction: 'c2s', bytes: tlsRecord(handshake, clientHello(identity)) },
    {
      direction: 's2c',
      bytes: concatenated(
        tlsRecord(handshake, serverHello(serverRandom, number, extensions)),
        tlsRecord(handshake, concatenated(message(11, new Uint8Array(700)), message(14, noBytes))),
      ),
    },
    { direction: 'c2s', bytes: concatenated(tlsRecord(handshake, message(16, new Uint8Array(33))), turnOver('c2s')) },
    { direction: 's2c', bytes: turnOver('s2c') },
  ]
  for (const { direction, bytes } of turns) {
    const records = cut(bytes, random).map((content) => sides[direction].seal(applicationData, content))
    said.push({ direction, bytes: concatenated(...records) })
  }
  return [...said, ...closing(sides)]
}

interface Sealer {
  seal(type: number, content: Uint8Array): Uint8Array
}

function closing(sides: Readonly<Record<Direction, Sealer>>): Said[] {
  const closeNotify = Uint8Array.of(1, 0)
  return [
    { direction: 'c2s', bytes: sides.c2s.seal(alert, closeNotify) },
    { direction: 's2c', bytes: sides.s2c.seal(alert, closeNotify) },
  ]
}

/** Contents of records, together `bytes`: as large as may be, mostly. RFC 8446 §5.1. */
function cut(bytes: Uint8Array, random: Random): Uint8Array[] {
  const maxBytes = random.pick([16_384, 16_384, 4_096, 1_200, 90])
  const parts: Uint8Array[] = []
  for (let at = 0; at < bytes.length; at += parts.at(-1)!.length) {
    const size = random.chance(0.7) ? maxBytes : 1 + random.below(maxBytes)
    parts.push(bytes.subarray(at, at + size))
  }
  return parts
}

class Sealer13 implements Sealer {
  readonly #suite: CipherSuite
  readonly #random: Random
  #secret: Uint8Array
  #keys: DirectionKeys
  #sequence = 0

  constructor(suite: CipherSuite, secret: Uint8Array, random: Random) {
    this.#suite = suite
    this.#random = random
    this.#secret = secret
    this.#keys = trafficKeys(secret, suite)
  }

  seal(type: number, content: Uint8Array): Uint8Array {
    const paddingBytes = this.#random.chance(0.1) ? this.#random.below(40) : 0
    const inner = concatenated(content, Uint8Array.of(type), new Uint8Array(paddingBytes))
    const header = concatenated(Uint8Array.of(applicationData, 3, 3), u16(inner.length + tagBytesOf(this.#suite)))
    const nonce = numbered(this.#keys.iv, this.#sequence++)
    return concatenated(header, sealAead(this.#suite, this.#keys.key, nonce, header, inner))
  }

  /** RFC 8446 §4.6.3. */
  updateKey(): Uint8Array {
    const record = this.seal(handshake, message(24, Uint8Array.of(0)))
    this.#secret = nextTrafficSecret(this.#secret, this.#suite)
    this.#keys = trafficKeys(this.#secret, this.#suite)
    this.#sequence = 0
    return record
  }
}

class Sealer12 implements Sealer {
  readonly #suite: CipherSuite
  readonly #keys: DirectionKeys
  readonly #isEncryptThenMac: boolean
  readonly #random: Random
  #sequence = 0

  constructor(suite: CipherSuite, keys: DirectionKeys, isEncryptThenMac: boolean, random: Random) {
    this.#suite = suite
    this.#keys = keys
    this.#isEncryptThenMac = isEncryptThenMac
    this.#random = random
  }

  seal(type: number, content: Uint8Array): Uint8Array {
    const suite = this.#suite
    const sequence = this.#sequence++
    if (suite.mode === 'cbc') return tlsRecord(type, this.#sealCbc(type, content, sequence))
    const explicit = suite.mode === 'chacha20' ? noBytes : concatenated(noBytes, sequenceBytes(sequence))
    const nonce = suite.mode === 'chacha20' ? numbered(this.#keys.iv, sequence) : concatenated(this.#keys.iv, explicit)
    const additional = macHeader(sequence, type, content.length)
    return tlsRecord(type, concatenated(explicit, sealAead(suite, this.#keys.key, nonce, additional, content)))
  }

  #sealCbc(type: number, content: Uint8Array, sequence: number): Uint8Array {
    const suite = this.#suite
    if (suite.mode !== 'cbc') return noBytes
    const mac = (length: number, bytes: Uint8Array): Uint8Array =>
      createHmac(suite.mac, this.#keys.macKey)
        .update(macHeader(sequence, type, length))
        .update(bytes)
        .digest()
    const inner = this.#isEncryptThenMac ? content : concatenated(content, mac(content.length, content))
    const paddingBytes = 16 - (inner.length % 16)
    const padding = new Uint8Array(paddingBytes).fill(paddingBytes - 1)
    const iv = randomBytes(this.#random, 16)
    const cipher = createCipheriv(suite.cipher, this.#keys.key, iv).setAutoPadding(false)
    const sealedBytes = concatenated(iv, cipher.update(concatenated(inner, padding)), cipher.final())
    return this.#isEncryptThenMac ? concatenated(sealedBytes, mac(sealedBytes.length, sealedBytes)) : sealedBytes
  }
}

function tagBytesOf(suite: CipherSuite): number {
  return suite.mode === 'cbc' ? 0 : suite.tagBytes
}

function sequenceBytes(sequence: number): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setUint32(4, sequence)
  return bytes
}

/** RFC 5246 §6.2.3.1. */
function macHeader(sequence: number, type: number, lengthBytes: number): Uint8Array {
  return concatenated(sequenceBytes(sequence), Uint8Array.of(type, 3, 3), u16(lengthBytes))
}

/** RFC 8446 §5.3. */
function numbered(iv: Uint8Array, sequence: number): Uint8Array {
  const number = sequenceBytes(sequence)
  return iv.map((byte, index) => byte ^ (index < 4 ? 0 : number[index - 4]!)) // Of twelve bytes.
}

function sealAead(
  suite: CipherSuite,
  key: Uint8Array,
  nonce: Uint8Array,
  additional: Uint8Array,
  content: Uint8Array,
): Uint8Array {
  // One interface for the three modes; Node's types have an overload for each.
  const create = createCipheriv as unknown as (
    cipher: string,
    key: Uint8Array,
    nonce: Uint8Array,
    options: { authTagLength: number },
  ) => CipherGCM
  const cipher = create(suite.cipher, key, nonce, { authTagLength: tagBytesOf(suite) })
  cipher.setAAD(additional, { plaintextLength: content.length })
  return concatenated(cipher.update(content), cipher.final(), cipher.getAuthTag())
}
