/**
 * Who the client is: the TCP peer, or whom a trusted hop speaks for (PROXY protocol; RFC 7239 Forwarded; X-Forwarded-For).
 *
 *     TCP peer ──trusted?──► PROXY header ──trusted?──► nearest entry of a field ──trusted?──► next entry … ──► outermost
 *         no: it is the client      no: its address is          no: that entry is
 *
 * The chain is walked from the nearest hop outward, and only as long as the one who wrote what comes next is trusted: the client is the first
 * address that is no trusted hop. Whatever stands further left was said by the client itself. When both fields are there and do not name
 * the same client, one of them may have come through unchanged from outside: X-Forwarded-For is taken (it is what most hops write), and
 * marked spoofable, unless the configuration says which of the two our hops write. Table of the rules: README.md.
 */

import { assert } from '@tapwarden/base/assert'
import { BoundedMap } from '@tapwarden/base/bounded-map'
import type { HttpTransaction } from '@tapwarden/contracts/transaction'
import type { Proxied } from '@tapwarden/http/proxy-protocol'
import ipaddr from 'ipaddr.js'

export interface ClientAddress {
  readonly address: string
  readonly source: HttpTransaction['clientAddressSource']
  readonly spoofable: boolean
  /** The chain's addresses, nearest last (a PROXY header is nearer than any field); empty without one. */
  readonly forwardedFor: readonly string[]
}

/** What a hop can say the client's address in. */
export const hopClaims = ['proxy-protocol', 'forwarded', 'x-forwarded-for'] as const
export type HopClaim = (typeof hopClaims)[number]

type Range = [ipaddr.IPv4 | ipaddr.IPv6, number]

const chainMaxCount = 32
const chainMaxCharacters = 2_048
const rememberedMaxCount = 16_384

export class ClientAddresses {
  readonly #trusted: readonly Range[]
  readonly #hopsWrite: ReadonlySet<HopClaim>
  readonly #normalized = new BoundedMap<string, string>({ maxEntries: rememberedMaxCount, onFull: 'evict-oldest' })
  readonly #trustedByAddress = new BoundedMap<string, boolean>({
    maxEntries: rememberedMaxCount,
    onFull: 'evict-oldest',
  })

  /**
   * `trustedHops`: addresses or CIDR ranges of our own proxies; the caller has validated them (`isCidr`). `hopsWrite`: what they write; the
   * rest is the client's own and is not believed.
   */
  constructor(trustedHops: readonly string[], hopsWrite: readonly HopClaim[] = hopClaims) {
    this.#hopsWrite = new Set(hopsWrite)
    this.#trusted = trustedHops.map((text) => {
      const range = parseRange(text)
      assert(range !== undefined, 'trusted hops are addresses or CIDR ranges')
      return range
    })
  }

  /**
   * `peer` is the TCP peer; the fields are byte strings, several lines of one field joined by commas. `isFieldDoubtful`: what is a field to us
   * may be none to the hop, so that the client itself may have written the nearest entry.
   */
  choose(
    peer: string,
    forwarded: string | undefined,
    xForwardedFor: string | undefined,
    proxied?: Proxied | undefined,
    isFieldDoubtful = false,
  ): ClientAddress {
    const peerAddress = this.normalize(peer) ?? peer
    const xffChain = xForwardedFor === undefined ? [] : this.#chain(forwardedForNodes(xForwardedFor))
    const forwardedChain = forwarded === undefined ? [] : this.#chain(forwardedNodes(forwarded))
    const proxiedAddress = proxied?.kind === 'address' ? this.normalize(proxied.address) : undefined
    const forwardedFor = [...(xffChain.length > 0 ? xffChain : forwardedChain), proxiedAddress].filter(isAddress)
    const chosen = (address: string, source: ClientAddress['source'], spoofable = false): ClientAddress => {
      return { address, source, spoofable, forwardedFor }
    }
    let nearest = chosen(peerAddress, 'tcp-peer')
    if (!this.#isTrusted(peerAddress)) return nearest
    if (proxied !== undefined && proxied.kind !== 'local' && this.#hopsWrite.has('proxy-protocol')) {
      // The hop speaks for somebody whom it does not name: the fields are that one's, not the hop's.
      if (proxiedAddress === undefined) return nearest
      nearest = chosen(proxiedAddress, 'proxy-protocol')
      if (!this.#isTrusted(proxiedAddress)) return nearest
    }
    const hasXff = xForwardedFor !== undefined && this.#hopsWrite.has('x-forwarded-for')
    const hasForwarded = forwarded !== undefined && this.#hopsWrite.has('forwarded')
    const byXff = hasXff ? this.#outermost(xffChain) : undefined
    const byForwarded = hasForwarded ? this.#outermost(forwardedChain) : undefined
    // Also when one of them names nobody: the other may be what the client wrote.
    const isSpoofable = isFieldDoubtful || (hasXff && hasForwarded && byXff !== byForwarded)
    if (byXff !== undefined) return chosen(byXff, 'x-forwarded-for', isSpoofable)
    return byForwarded === undefined ? nearest : chosen(byForwarded, 'forwarded', isSpoofable)
  }

  /** An address in its one written form (RFC 5952; IPv4 inside IPv6 as IPv4), or undefined when it is none. */
  normalize(text: string): string | undefined {
    const known = this.#normalized.get(text)
    if (known !== undefined) return known === '' ? undefined : known
    const address = text.length > 64 ? undefined : parseAddress(text)
    const normalized = address === undefined ? '' : address.kind() === 'ipv4' ? address.toString() : rfc5952(address)
    if (text.length <= 64) this.#normalized.set(text, normalized)
    return normalized === '' ? undefined : normalized
  }

  /** From the nearest hop outward: the first address that is no trusted hop, or the outermost; nothing if the nearest entry is no address. */
  #outermost(chain: readonly (string | undefined)[]): string | undefined {
    let outermost: string | undefined
    for (let i = chain.length - 1; i >= 0; i--) {
      const address = chain[i]
      if (address === undefined) break // `unknown` or obfuscated (RFC 7239 §6.2, §6.3): what stands behind it is hearsay.
      outermost = address
      if (!this.#isTrusted(address)) break
    }
    return outermost
  }

  #chain(nodes: readonly string[]): (string | undefined)[] {
    return nodes.slice(-chainMaxCount).map((node) => this.normalize(withoutPort(node)))
  }

  #isTrusted(address: string): boolean {
    if (this.#trusted.length === 0) return false
    const known = this.#trustedByAddress.get(address)
    if (known !== undefined) return known
    const parsed = parseAddress(address)
    const trusted =
      parsed !== undefined &&
      this.#trusted.some(([range, bits]) => range.kind() === parsed.kind() && parsed.match(range, bits))
    this.#trustedByAddress.set(address, trusted)
    return trusted
  }
}

/** Whether a text is an address or a CIDR range, for whoever reads configuration. */
export function isCidr(text: string): boolean {
  return parseRange(text) !== undefined
}

function parseRange(text: string): Range | undefined {
  if (ipaddr.isValidCIDR(text)) return ipaddr.parseCIDR(text)
  const address = parseAddress(text)
  return address === undefined ? undefined : [address, address.kind() === 'ipv4' ? 32 : 128]
}

/** Strict: four decimal parts or an IPv6 address, without zone; the library's octal and hexadecimal forms are no addresses on the wire. */
function parseAddress(text: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text)
  if (!text.includes(':') || text.includes('%') || !ipaddr.IPv6.isValid(text)) return undefined
  const address = ipaddr.IPv6.parse(text)
  return address.isIPv4MappedAddress() ? address.toIPv4Address() : address
}

function rfc5952(address: ipaddr.IPv4 | ipaddr.IPv6): string {
  return 'toRFC5952String' in address ? address.toRFC5952String() : address.toString()
}

function isAddress(node: string | undefined): node is string {
  return node !== undefined
}

/**
 * `[2001:db8::1]:80`, `192.0.2.1:80`, bare addresses; a port may be obfuscated (RFC 7239 §6). IPv6 without brackets has no port: the last
 * group cannot be told from one.
 */
function withoutPort(node: string): string {
  const bracketed = /^\[([^\]]*)\](?::(?:\d{1,5}|_[\w.-]+))?$/.exec(node)
  if (bracketed?.[1] !== undefined) return bracketed[1]
  return /^([0-9.]+)(?::(?:\d{1,5}|_[\w.-]+))?$/.exec(node)?.[1] ?? node
}

/** The end of a long value, from an entry's beginning: half an address is another address. */
function nearestPart(value: string): string {
  if (value.length <= chainMaxCharacters) return value
  const part = value.slice(-chainMaxCharacters)
  return part.slice(part.indexOf(',') + 1)
}

/** Entries of X-Forwarded-For, some hops quote them; empty ones are none (RFC 9110 §5.6.1.2). */
function forwardedForNodes(value: string): string[] {
  return nearestPart(value)
    .split(',')
    .map((entry) => entry.trim().replace(/^"(.*)"$/, '$1'))
    .filter((entry) => entry !== '')
}

/** The `for` node of each element of Forwarded (RFC 7239 §4); '' for an element that has none, or more than one. */
function forwardedNodes(value: string): string[] {
  return splitOutsideQuotes(nearestPart(value), ',')
    .filter((element) => element.trim() !== '')
    .map((element) => {
      const nodes = splitOutsideQuotes(element, ';').flatMap((pair) => {
        const equals = pair.indexOf('=')
        return pair.slice(0, equals).trim().toLowerCase() === 'for' ? [unquoted(pair.slice(equals + 1).trim())] : []
      })
      return nodes.length === 1 ? (nodes[0] ?? '') : ''
    })
}

/** RFC 9110 §5.6.4; '' for what is neither a token nor a whole quoted string. */
function unquoted(value: string): string {
  if (!value.includes('"')) return value
  return /^"((?:[^"\\]|\\.)*)"$/.exec(value)?.[1]?.replace(/\\(.)/g, '$1') ?? ''
}

/**
 * Splits from the right, where the nearest hop wrote: a quote that a client left open swallows nothing of what hops appended behind it.
 * What such a quote stands in is one part, which no reader of it takes for an address.
 */
function splitOutsideQuotes(text: string, separator: string): string[] {
  const parts: string[] = []
  let end = text.length
  let isQuoted = false
  for (let i = text.length - 1; i >= 0; i--) {
    const character = text[i]
    if (character === '"' && !isEscaped(text, i)) isQuoted = !isQuoted
    else if (character === separator && !isQuoted) {
      parts.push(text.slice(i + 1, end))
      end = i
    }
  }
  parts.push(isQuoted ? '"' : text.slice(0, end))
  return parts.reverse()
}

/** An odd number of backslashes stands in front. */
function isEscaped(text: string, index: number): boolean {
  let from = index
  while (from > 0 && text[from - 1] === '\\') from--
  return (index - from) % 2 === 1
}
