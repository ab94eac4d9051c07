/**
 * Both directions of one TLS connection: its hellos in clear, and its content where a key log has the secrets. Takes what `net` gives (the shape of
 * its StreamConsumer) and hands on content as if it had come in clear, borrowed.
 *
 *   hellos ──► keys known ──────────────► open: content, gaps, ends
 *     │  └───► not yet: records wait, bounded, in order ──keysMayHaveCome──► open
 *     └──────► blind: given up for one named reason; nothing is held
 *
 * Sequence and acknowledgement numbers are handed on so that what HTTP reads from them stays true: a direction's content starts where its record does,
 * or, behind records that carry none (the handshake, session tickets), where the first of those did; acknowledgements of the server's bytes likewise.
 *
 * @long: one state machine, whose steps share its state.
 */

import { type CipherSuite, cipherSuite } from './cipher-suites.js'
import { type ClientHello, parseClientHello } from './client-hello.js'
import {
  clientHelloType,
  encryptedExtensionsType,
  endOfEarlyDataType,
  finishedType,
  HandshakeReader,
  keyUpdateType,
  serverHelloType,
} from './handshake-reader.js'
import type { KeyLog, TlsSecrets } from './key-log.js'
import { masterKeys, nextTrafficSecret, trafficKeys } from './key-schedule.js'
import {
  recordApplicationData,
  recordChangeCipherSpec,
  recordHandshake,
  recordHeaderBytes,
  versionTls10,
  versionTls12,
  versionTls13,
} from './record.js'
import { type OpenedRecord, type RecordOpener, recordOpener } from './record-opener.js'
import { type RecordListener, type RecordPlace, RecordReader } from './record-reader.js'
import { parseEncryptedExtensions, parseServerHello, type ServerHello } from './server-hello.js'
import type { TlsBlindness, TlsCounters, TlsLimits, TlsMemory } from './tls-limits.js'

export type TlsDirection = 'c2s' | 's2c'
export type TlsEnd = 'fin' | 'rst' | 'idle' | 'evicted' | 'end-of-capture'

/** Who reads the content: the shape of net's StreamConsumer. */
export interface PlaintextConsumer {
  bytes(
    direction: TlsDirection,
    buffer: Uint8Array,
    from: number,
    to: number,
    atUs: number,
    seq: number,
    ack: number,
  ): void
  gap(direction: TlsDirection, missedBytes: number, atUs: number): void
  end(direction: TlsDirection, reason: TlsEnd, atUs: number): void
}

export interface TlsSessionOptions {
  readonly consumer: PlaintextConsumer
  /** Undefined: nobody gave one, hellos are all there is to read. */
  readonly keyLog: KeyLog | undefined
  /** The key log may still grow: records wait for it. */
  readonly waitsForKeys: boolean
  readonly limits: TlsLimits
  readonly counters: TlsCounters
  readonly memory: TlsMemory
}

/** Before TLS 1.3 only `clear` and `traffic`. */
type Stage = 'clear' | 'early' | 'handshake' | 'traffic'

/** One direction. */
class Half {
  readonly direction: TlsDirection
  readonly reader: RecordReader
  readonly handshake: HandshakeReader
  stage: Stage = 'clear'
  /** Undefined until a record needs it. */
  opener: RecordOpener | undefined
  /** TLS 1.3: of `opener`. */
  secret: Uint8Array | undefined
  sequence = 0
  /** Of the stream, since the last record that was opened: missed, or in records that no key opened. */
  lostBytes = 0
  failedCount = 0
  /** Content told as missed already, since the last record that was opened. */
  toldBytes = 0
  /** Content in records that were missed, to be told in front of the next one's. */
  missedBytes = 0
  /** Bytes of the last stretch of records without content: `[from, to)` in TCP numbers. */
  controlFrom = 0
  controlTo = -1
  /** In the clear a gap may have torn a handshake message: what follows is not read as one. */
  isHandshakeTorn = false

  constructor(direction: TlsDirection, reader: RecordReader, handshake: HandshakeReader) {
    this.direction = direction
    this.reader = reader
    this.handshake = handshake
  }

  enter(stage: Stage): void {
    this.stage = stage
    this.opener = undefined
    this.secret = undefined
    this.sequence = 0
  }
}

/** Something of the connection that waits for keys. */
interface Pending {
  readonly half: Half
  /** Undefined for the end of the direction. */
  readonly record: Uint8Array | undefined
  readonly place: RecordPlace
  readonly lostBytes: number
  readonly reason: TlsEnd
}

export class TlsSession {
  readonly #options: TlsSessionOptions
  readonly #c2s: Half
  readonly #s2c: Half
  #client: Half
  #clientHello: ClientHello | undefined
  #serverHello: ServerHello | undefined
  #suite: CipherSuite | undefined
  #alpn: string | undefined
  #blindness: TlsBlindness | undefined
  readonly #pending: Pending[] = []
  #pendingBytes = 0
  #isWaiting = false
  /** TLS 1.3, records of the client under early keys, until the server has said whether it takes them. */
  #early: Pending[] = []
  #earlyState: 'none' | 'undecided' | 'accepted' | 'rejected' = 'none'
  #isRetried = false
  /** Bytes of records whose content was read. */
  openedBytes = 0

  constructor(options: TlsSessionOptions) {
    this.#options = options
    this.#c2s = this.#half('c2s')
    this.#s2c = this.#half('s2c')
    this.#client = this.#c2s
  }

  /** The first hello of the client, also when it was asked to try again: what fingerprints are made of. */
  get clientHello(): ClientHello | undefined {
    return this.#clientHello
  }

  get serverHello(): ServerHello | undefined {
    return this.#serverHello
  }

  /** The protocol that the server chose, a byte string; undefined when none was, or it is not known (TLS 1.3 without keys). */
  get alpn(): string | undefined {
    return this.#alpn
  }

  /** Why nothing more is read; undefined as long as something may be. */
  get blindness(): TlsBlindness | undefined {
    return this.#blindness
  }

  /** Records wait for secrets of the connection with this client random. */
  get waitsFor(): string | undefined {
    return this.#isWaiting ? this.#clientHello?.random : undefined
  }

  bytes(
    direction: TlsDirection,
    buffer: Uint8Array,
    from: number,
    to: number,
    atUs: number,
    seq: number,
    ack: number,
  ): void {
    this.#halfOf(direction).reader.push(buffer, from, to, atUs, seq, ack)
  }

  /**
   * What a gap took of the content is told at once as far as it is sure, since what the other direction says next must come behind it; the rest when
   * the next record has told how many there were.
   */
  gap(direction: TlsDirection, missedBytes: number, atUs: number): void {
    const half = this.#halfOf(direction)
    const { tornBytes, beyondBytes } = half.reader.gap(missedBytes)
    if (this.#isWaiting || half.stage !== 'traffic' || this.#suite === undefined || !this.#prepare(half, this.#suite))
      return
    const { opener } = half
    if (opener === undefined) return
    const recordsCount = Math.ceil(beyondBytes / recordLikelyBytes)
    const tornContent = Math.max(0, tornBytes - opener.overheadBytes)
    const sureBytes = tornContent + Math.max(0, beyondBytes - recordsCount * opener.overheadBytes)
    if (sureBytes === 0) return
    half.toldBytes += sureBytes
    this.#options.consumer.gap(direction, sureBytes, atUs)
  }

  end(direction: TlsDirection, reason: TlsEnd, atUs: number): void {
    const half = this.#halfOf(direction)
    half.reader.close()
    const place = { firstAtUs: atUs, lastAtUs: atUs, seq: 0, ack: 0 }
    this.#offer({ half, record: undefined, place, lostBytes: this.#takeLost(half), reason })
  }

  /** The key log grew. Whatever waits is read as far as there are secrets for it. */
  keysMayHaveCome(): void {
    this.#isWaiting = false
    while (this.#blindness === undefined) {
      const next = this.#pending[0]
      if (next === undefined) return
      if (!this.#take(next)) {
        this.#isWaiting = true
        return
      }
      this.#pending.shift()
      this.#forget(next)
    }
  }

  /** Nothing is read any more, for this reason; what is held is let go. The first reason stays. */
  giveUp(reason: TlsBlindness): void {
    if (this.#blindness !== undefined) return
    this.#blindness = reason
    this.#options.counters.anomaly(reason)
    this.#isWaiting = false
    for (const half of [this.#c2s, this.#s2c]) {
      half.reader.close()
      half.handshake.close()
    }
    for (const pending of [...this.#pending, ...this.#early]) this.#forget(pending)
    this.#pending.length = 0
    this.#early = []
  }

  #half(direction: TlsDirection): Half {
    const { memory, limits } = this.#options
    const listener: RecordListener = {
      record: (bytes, from, to, place, isCandidate) => this.#record(half, bytes, from, to, place, isCandidate),
      unreadable: (reason) => this.giveUp(reason === 'memory' ? 'tls.pending-overflow' : 'tls.malformed'),
    }
    const half: Half = new Half(
      direction,
      new RecordReader(listener, memory),
      new HandshakeReader(
        (type, bytes, from, to) => this.#message(half, type, bytes, from, to),
        limits.handshakeMaxBytes,
        memory,
      ),
    )
    return half
  }

  #halfOf(direction: TlsDirection): Half {
    return direction === 'c2s' ? this.#c2s : this.#s2c
  }

  get #server(): Half {
    return this.#client === this.#c2s ? this.#s2c : this.#c2s
  }

  #takeLost(half: Half): number {
    const { lostBytes } = half.reader
    half.reader.lostBytes = 0
    return lostBytes
  }

  #record(
    half: Half,
    bytes: Uint8Array,
    from: number,
    to: number,
    place: Readonly<RecordPlace>,
    isCandidate: boolean,
  ): boolean {
    if (this.#blindness !== undefined) return true
    this.#options.counters.recordCount++
    const lostBytes = this.#takeLost(half)
    if (this.#isWaiting) {
      this.#enqueue({ half, record: bytes.slice(from, to), place: { ...place }, lostBytes, reason: 'fin' })
      return true
    }
    half.lostBytes += lostBytes
    if (half.lostBytes > 0 && half.stage === 'clear') {
      half.isHandshakeTorn = true
      half.handshake.reset()
    }
    const outcome = this.#read(half, bytes, from, to, place)
    if (outcome === 'wait') {
      this.#isWaiting = true
      this.#enqueue({ half, record: bytes.slice(from, to), place: { ...place }, lostBytes: 0, reason: 'fin' })
    } else if (outcome === 'closed') {
      if (isCandidate) return this.#failed(half)
      half.lostBytes += to - from
      this.#failed(half)
    }
    return true
  }

  /** Always false. */
  #failed(half: Half): boolean {
    if (++half.failedCount > this.#options.limits.failedRecordsMax) this.giveUp('tls.records-unauthenticated')
    return false
  }

  #offer(pending: Pending): void {
    if (this.#blindness !== undefined) return
    if (this.#isWaiting) this.#enqueue(pending)
    else this.#take(pending)
  }

  #enqueue(pending: Pending): void {
    const bytes = pending.record?.length ?? 0
    if (this.#pendingBytes + bytes > this.#options.limits.pendingMaxBytes || !this.#options.memory.take(bytes)) {
      this.giveUp('tls.pending-overflow')
      return
    }
    this.#pendingBytes += bytes
    this.#pending.push(pending)
  }

  #forget({ record }: Pending): void {
    if (record === undefined) return
    this.#pendingBytes -= record.length
    this.#options.memory.give(record.length)
  }

  /** Returns false when it must wait. */
  #take({ half, record, place, lostBytes, reason }: Pending): boolean {
    if (record === undefined) {
      half.lostBytes += lostBytes
      this.#end(half, reason, place.lastAtUs)
      return true
    }
    half.lostBytes += lostBytes
    const outcome = this.#read(half, record, 0, record.length, place)
    if (outcome === 'wait') {
      half.lostBytes -= lostBytes
      return false
    }
    if (outcome === 'closed') {
      half.lostBytes += record.length
      this.#failed(half)
    }
    return true
  }

  #end(half: Half, reason: TlsEnd, atUs: number): void {
    const untoldBytes = half.lostBytes - half.toldBytes
    if (untoldBytes > 0 && half.stage === 'traffic' && half.opener !== undefined) {
      this.#options.consumer.gap(half.direction, untoldBytes, atUs)
    }
    if (this.#early.length > 0 && half === this.#client) {
      if (this.#serverHello === undefined) this.giveUp('tls.hello-missing')
      else this.#decideEarly(true)
    }
    half.handshake.close()
    // Too few to give up before: the secrets are not this connection's.
    if (half.failedCount > 0 && this.openedBytes === 0) this.giveUp('tls.records-unauthenticated')
    this.#options.consumer.end(half.direction, reason, atUs)
  }

  #read(
    half: Half,
    bytes: Uint8Array,
    from: number,
    to: number,
    place: Readonly<RecordPlace>,
  ): 'read' | 'wait' | 'closed' {
    if (half.stage === 'clear') return this.#readClear(half, bytes, from, to, place)
    const isTls13 = this.#serverHello?.version === versionTls13
    // RFC 8446 §5, §D.4: change-cipher-spec records mean nothing there.
    if (isTls13 && bytes[from] !== recordApplicationData) {
      this.#noteControl(half, place.seq, to - from)
      return 'read'
    }
    if (isTls13 && half === this.#client && half.stage === 'handshake' && this.#earlyState === 'undecided') {
      this.#holdEarly(half, bytes, from, to, place)
      return 'read'
    }
    const suite = this.#suite
    if (suite === undefined || this.#clientHello === undefined) {
      this.giveUp(suite === undefined ? 'tls.suite-unsupported' : 'tls.hello-missing')
      return 'read'
    }
    if (!this.#prepare(half, suite)) return this.#missKeys()
    const opened = isTls13 ? this.#open13(half, suite, bytes, from, to) : this.#open(half, bytes, from, to)
    half.opener?.passed(bytes, to)
    if (opened === undefined) {
      // What the client sent early, and the server did not take, opens under no later key. RFC 8446 §4.2.10.
      if (half === this.#client && this.#earlyState === 'rejected' && half.sequence === 0) return 'read'
      return 'closed'
    }
    half.failedCount = 0
    this.#options.counters.decryptedRecordCount++
    this.openedBytes += to - from
    this.#content(half, opened, place, to - from)
    return 'read'
  }

  #missKeys(): 'read' | 'wait' {
    if (this.#options.keyLog !== undefined && this.#options.waitsForKeys) return 'wait'
    this.giveUp('tls.keys-missing')
    return 'read'
  }

  #readClear(
    half: Half,
    bytes: Uint8Array,
    from: number,
    to: number,
    place: Readonly<RecordPlace>,
  ): 'read' | 'wait' | 'closed' {
    const type = bytes[from]! // A record has a header.
    if (type === recordApplicationData) return this.#firstEncrypted(half, bytes, from, to, place)
    this.#noteControl(half, place.seq, to - from)
    if (type === recordHandshake && !half.isHandshakeTorn) {
      half.handshake.push(bytes, from + recordHeaderBytes, to)
      if (half.handshake.isMalformed) this.giveUp('tls.malformed')
    } else if (type === recordChangeCipherSpec && this.#serverHello?.version !== versionTls13) {
      // TLS 1.2; or 1.3 before its ServerHello was seen, where it means nothing.
      if (this.#serverHello !== undefined) half.enter('traffic')
    }
    return 'read'
  }

  /** Application data without what must come before: early data, or a gap took it. */
  #firstEncrypted(
    half: Half,
    bytes: Uint8Array,
    from: number,
    to: number,
    place: Readonly<RecordPlace>,
  ): 'read' | 'wait' | 'closed' {
    if (this.#serverHello === undefined) {
      if (half === this.#client && this.#clientHello?.offersEarlyData === true) {
        this.#holdEarly(half, bytes, from, to, place)
        return 'read'
      }
      this.giveUp('tls.hello-missing')
      return 'read'
    }
    if (this.#clientHello === undefined) {
      this.giveUp('tls.hello-missing')
      return 'read'
    }
    half.enter('traffic')
    return this.#read(half, bytes, from, to, place)
  }

  #holdEarly(half: Half, bytes: Uint8Array, from: number, to: number, place: Readonly<RecordPlace>): void {
    if (this.#isRetried) return
    const bytesCount = to - from
    if (
      this.#pendingBytes + bytesCount > this.#options.limits.pendingMaxBytes ||
      !this.#options.memory.take(bytesCount)
    ) {
      this.giveUp('tls.pending-overflow')
      return
    }
    this.#pendingBytes += bytesCount
    const lostBytes = half.lostBytes
    half.lostBytes = 0
    this.#early.push({ half, record: bytes.slice(from, to), place: { ...place }, lostBytes, reason: 'fin' })
  }

  #message(half: Half, type: number, bytes: Uint8Array, from: number, to: number): void {
    const isTls13 = this.#serverHello?.version === versionTls13
    const mayBeHello = !isTls13 || half.stage === 'clear'
    if (mayBeHello && type === clientHelloType) this.#readClientHello(half, bytes, from, to)
    else if (mayBeHello && type === serverHelloType) this.#readServerHello(half, bytes, from, to)
    else if (!isTls13) return
    else if (type === encryptedExtensionsType && half === this.#server) {
      const { alpn, acceptsEarlyData } = parseEncryptedExtensions(bytes, from, to)
      this.#alpn = alpn ?? this.#alpn
      this.#decideEarly(acceptsEarlyData)
    } else if (type === endOfEarlyDataType && half.stage === 'early') half.enter('handshake')
    else if (type === finishedType && half.stage === 'handshake') half.enter('traffic')
    else if (type === keyUpdateType && half.stage === 'traffic') this.#updateKey(half)
  }

  #readClientHello(half: Half, bytes: Uint8Array, from: number, to: number): void {
    const hello = parseClientHello(bytes, from, to)
    if (hello === undefined) {
      if (half.stage === 'clear') this.giveUp('tls.malformed')
      return
    }
    if (this.#clientHello === undefined) {
      this.#client = half
      this.#options.counters.helloCount++
    }
    // The second after a HelloRetryRequest is of the same connection; one under encryption renegotiates (RFC 5246 §7.4.1.2).
    if (this.#clientHello !== undefined && half.stage === 'clear') return
    this.#clientHello = hello
    if (half.stage === 'clear' && hello.offersEarlyData) this.#earlyState = 'undecided'
  }

  #readServerHello(half: Half, bytes: Uint8Array, from: number, to: number): void {
    const hello = parseServerHello(bytes, from, to)
    if (hello === undefined) {
      if (half.stage === 'clear') this.giveUp('tls.malformed')
      return
    }
    if (this.#clientHello === undefined) {
      this.#client = half === this.#c2s ? this.#s2c : this.#c2s
      this.#options.counters.helloCount++
    }
    if (hello.isRetryRequest) {
      this.#isRetried = true
      this.#dropEarly()
      return
    }
    this.#serverHello = hello
    this.#suite = hello.compression === 0 ? cipherSuite(hello.cipherSuite) : undefined
    this.#alpn = hello.alpn ?? this.#alpn
    for (const { reader } of [this.#c2s, this.#s2c]) reader.headerVersion = Math.min(hello.version, versionTls12)
    if (this.#suite !== undefined && !isFitting(this.#suite, hello)) this.#suite = undefined
    if (hello.version !== versionTls13) {
      this.#dropEarly()
      return
    }
    this.#server.enter('handshake')
    if (this.#client.stage === 'clear') this.#client.enter('handshake')
  }

  #dropEarly(): void {
    if (this.#earlyState !== 'undecided') return
    this.#earlyState = 'rejected'
    if (this.#early.length > 0) this.#options.counters.anomaly('tls.early-data-rejected')
    for (const pending of this.#early) this.#forget(pending)
    this.#early = []
  }

  /** What the client sent before the server spoke is read, or it is dropped as the server drops it: then the client repeats it. */
  #decideEarly(isAccepted: boolean): void {
    if (this.#earlyState !== 'undecided') return
    if (!isAccepted) {
      this.#dropEarly()
      return
    }
    this.#earlyState = 'accepted'
    const held = this.#early
    this.#early = []
    this.#client.enter('early')
    for (const pending of held) {
      if (this.#blindness === undefined && !this.#take(pending)) this.giveUp('tls.keys-missing')
      this.#forget(pending)
    }
  }

  get #secrets(): TlsSecrets | undefined {
    const { keyLog } = this.#options
    return this.#clientHello === undefined ? undefined : keyLog?.of(this.#clientHello.random)
  }

  /** False when the secrets for it are not there. */
  #prepare(half: Half, suite: CipherSuite): boolean {
    return this.#serverHello?.version === versionTls13 ? this.#prepare13(half, suite) : this.#prepare12(half, suite)
  }

  #prepare12(half: Half, suite: CipherSuite): boolean {
    if (half.opener !== undefined) return true
    const hello = this.#serverHello
    const master = this.#secrets?.master
    if (hello === undefined || this.#clientHello === undefined || master === undefined) return false
    const clientRandom = Buffer.from(this.#clientHello.random, 'hex')
    const keys = masterKeys(master, clientRandom, hello.random, suite, hello.version)
    const own = half === this.#client ? keys.client : keys.server
    half.opener = recordOpener(suite, hello.version, own, hello.encryptThenMac)
    return true
  }

  /** True when there is a key for this stage, or for the next one: then this stage's records are passed over. */
  #prepare13(half: Half, suite: CipherSuite): boolean {
    if (half.opener !== undefined) return true
    const secret = this.#secretOf(half, half.stage)
    if (secret !== undefined) {
      this.#use(half, suite, secret)
      return true
    }
    const next = nextStage(half.stage)
    return next !== undefined && this.#secretOf(half, next) !== undefined
  }

  #use(half: Half, suite: CipherSuite, secret: Uint8Array): void {
    half.secret = secret
    half.opener = recordOpener(suite, versionTls13, trafficKeys(secret, suite), false)
  }

  #secretOf(half: Half, stage: Stage): Uint8Array | undefined {
    const secrets = this.#secrets
    if (secrets === undefined) return undefined
    const isClient = half === this.#client
    if (stage === 'early') return isClient ? secrets.clientEarly : undefined
    if (stage === 'handshake') return isClient ? secrets.clientHandshake : secrets.serverHandshake
    return isClient ? secrets.clientTraffic : secrets.serverTraffic
  }

  #updateKey(half: Half): void {
    if (half.secret === undefined || this.#suite === undefined) return
    this.#use(half, this.#suite, nextTrafficSecret(half.secret, this.#suite))
    half.sequence = 0
  }

  #open13(half: Half, suite: CipherSuite, bytes: Uint8Array, from: number, to: number): OpenedRecord | undefined {
    const opened = this.#open(half, bytes, from, to)
    if (opened !== undefined) return opened
    // The record that ends this stage may have been missed, or nobody may have a key for it.
    const isUpdate = half.stage === 'traffic'
    if (isUpdate && half.lostBytes === 0) return undefined
    const stage = isUpdate ? 'traffic' : nextStage(half.stage)!
    const secret = isUpdate ? half.secret && nextTrafficSecret(half.secret, suite) : this.#secretOf(half, stage)
    if (secret === undefined) return undefined
    const before = { stage: half.stage, opener: half.opener, secret: half.secret, sequence: half.sequence }
    half.enter(stage)
    this.#use(half, suite, secret)
    const later = this.#open(half, bytes, from, to)
    if (later === undefined) Object.assign(half, before)
    else half.handshake.reset()
    return later
  }

  /** Tries the number that comes next and, behind bytes that were lost, those behind it; authentication tells. */
  #open(half: Half, bytes: Uint8Array, from: number, to: number): OpenedRecord | undefined {
    const { opener, lostBytes } = half
    if (opener === undefined) return undefined
    const { resyncMaxTries, resyncMaxBytes } = this.#options.limits
    let triesCount = 1
    if (lostBytes > 0) {
      const recordsMaxCount = 1 + Math.floor(lostBytes / opener.overheadBytes)
      triesCount = Math.max(1, Math.min(recordsMaxCount + 1, resyncMaxTries, Math.floor(resyncMaxBytes / (to - from))))
    }
    for (let missedCount = 0; missedCount < triesCount; missedCount++) {
      const opened = opener.open(half.sequence + missedCount, bytes, from, to)
      if (opened === undefined) continue
      half.sequence += missedCount + 1
      if (lostBytes > 0) this.#foundAgain(half, opener, missedCount)
      return opened
    }
    return undefined
  }

  /** `missedCount` records lay in the bytes that were lost: what they held, padding aside, is known to the byte. */
  #foundAgain(half: Half, opener: RecordOpener, missedCount: number): void {
    const contentBytes = half.lostBytes - missedCount * opener.overheadBytes
    half.lostBytes = 0
    half.controlTo = -1
    half.handshake.reset()
    this.#options.counters.anomaly('tls.resynchronized')
    if (missedCount > 0) this.#options.counters.anomaly('tls.record-lost', missedCount)
    if (half.stage === 'traffic' && missedCount > 0) {
      half.missedBytes = Math.max(half.toldBytes === 0 ? 1 : 0, contentBytes - half.toldBytes)
    }
    half.toldBytes = 0
  }

  #content(half: Half, { type, content }: OpenedRecord, place: Readonly<RecordPlace>, recordBytes: number): void {
    const { consumer, counters } = this.#options
    if (half.missedBytes > 0) {
      consumer.gap(half.direction, half.missedBytes, place.firstAtUs)
      half.missedBytes = 0
    }
    if (type !== recordApplicationData || content.length === 0) {
      this.#noteControl(half, place.seq, recordBytes)
      if (type === recordHandshake) {
        half.handshake.push(content, 0, content.length)
        if (half.handshake.isMalformed) this.giveUp('tls.malformed')
      } else if (type === recordChangeCipherSpec) half.enter('traffic')
      return
    }
    counters.decryptedBytes += content.length
    if (half === this.#server) this.#decideEarly(true)
    const seq = this.#contentSeq(half, place.seq)
    const ack = this.#contentAck(half, place.ack)
    const { direction } = half
    if (place.firstAtUs === place.lastAtUs || content.length < 2) {
      consumer.bytes(direction, content, 0, content.length, place.firstAtUs, seq, ack)
      return
    }
    // A message's first byte was there when its record began, and its last when that was whole.
    consumer.bytes(direction, content, 0, 1, place.firstAtUs, seq, ack)
    consumer.bytes(direction, content, 1, content.length, place.lastAtUs, (seq + 1) >>> 0, ack)
  }

  #noteControl(half: Half, seq: number, recordBytes: number): void {
    if (half.controlTo !== seq) half.controlFrom = seq
    half.controlTo = (seq + recordBytes) >>> 0
  }

  #contentSeq(half: Half, seq: number): number {
    return half === this.#server && half.controlTo === seq ? half.controlFrom : seq
  }

  #contentAck(half: Half, ack: number): number {
    const { controlFrom, controlTo } = this.#server
    if (half !== this.#client || controlTo < 0) return ack
    const isWithin = (ack - controlFrom) >>> 0 <= (controlTo - controlFrom) >>> 0
    return isWithin ? controlFrom : ack
  }
}

/** A missed stretch up to this size is one record, most likely: a message in one segment. */
const recordLikelyBytes = 1_460

function nextStage(stage: Stage): Stage | undefined {
  if (stage === 'early') return 'handshake'
  return stage === 'handshake' ? 'traffic' : undefined
}

/** RFC 8446 §B.4, RFC 5246 §1.2: its own suites in 1.3, AEAD from 1.2 on. */
function isFitting({ mode }: CipherSuite, { cipherSuite: number, version }: ServerHello): boolean {
  if (version === versionTls13) return number >> 8 === 0x13
  const oldest = mode === 'cbc' ? versionTls10 : versionTls12
  return version >= oldest && version <= versionTls12 && number >> 8 !== 0x13
}
