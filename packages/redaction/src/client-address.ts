/**
 * Who the client is: the TCP peer, or what a trusted hop says (RFC 7239 Forwarded, X-Forwarded-For).
 *
 * A forwarded chain is read from the nearest hop outward, and only as long as the one who wrote an entry is trusted: the client is the first
 * address that is not a trusted hop. Whatever stands further left was said by the client itself. When both fields are there and name
 * different clients, one of them came through unchanged from outside: X-Forwarded-For is taken (it is what hops write), and marked spoofable.
 */

import { assert } from '@tapwarden/base/assert'
import { BoundedMap } from '@tapwarden/base/bounded-map'
import type { HttpTransaction } from '@tapwarden/contracts/transaction'
import ipaddr from 'ipaddr.js'

export interface ClientAddress {
  readonly address: string
  readonly source: HttpTransaction['clientAddressSource']
  readonly spoofable: boolean
  /** The chain's addresses, nearest last; empty without one. */
  readonly forwardedFor: readonly string[]
}

type Range = [ipaddr.IPv4 | ipaddr.IPv6, number]

const chainMaxCount = 32
const chainMaxCharacters = 2_048
const rememberedMaxCount = 16_384

export class ClientAddresses {
  readonly #trusted: readonly Range[]
  readonly #normalized = new BoundedMap<string, string>({ maxEntries: rememberedMaxCount, onFull: 'evict-oldest' })
  readonly #trustedByAddress = new BoundedMap<string, boolean>({
    maxEntries: rememberedMaxCount,
    onFull: 'evict-oldest',
  })

  /** `trustedHops`: addresses or CIDR ranges of our own proxies; the caller has validated them (`isCidr`). */
  constructor(trustedHops: readonly string[]) {
    this.#trusted = trustedHops.map((text) => {
      const range = parseRange(text)
      assert(range !== undefined, 'trusted hops are addresses or CIDR ranges')
      return range
    })
  }

  /** `peer` is the TCP peer; the fields are byte strings, several lines of one field joined by commas. */
  choose(peer: string, forwarded: string | undefined, xForwardedFor: string | undefined): ClientAddress {
    const peerAddress = this.normalize(peer) ?? peer
    if (forwarded === undefined && xForwardedFor === undefined) {
      return { address: peerAddress, source: 'tcp-peer', spoofable: false, forwardedFor: [] }
    }
    const xffChain = xForwardedFor === undefined ? [] : this.#chain(xForwardedFor.split(','))
    const forwardedChain = forwarded === undefined ? [] : this.#chain(forwardedNodes(forwarded))
    const chain = xffChain.length > 0 ? xffChain : forwardedChain
    const forwardedFor = chain.filter((node) => node !== undefined)
    const direct: ClientAddress = { address: peerAddress, source: 'tcp-peer', spoofable: false, forwardedFor }
    if (!this.#isTrusted(peerAddress)) return direct
    const byXff = this.#outermost(xffChain)
    const byForwarded = this.#outermost(forwardedChain)
    if (byXff === undefined && byForwarded === undefined) return direct
    const disagree = byXff !== undefined && byForwarded !== undefined && byXff !== byForwarded
    if (byXff !== undefined) return { address: byXff, source: 'x-forwarded-for', spoofable: disagree, forwardedFor }
    return { ...direct, address: byForwarded ?? peerAddress, source: 'forwarded' }
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
    return nodes.slice(-chainMaxCount).map((node) => this.normalize(withoutPort(node.trim())))
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

/** `[2001:db8::1]:80`, `192.0.2.1:80`, bare addresses. */
function withoutPort(node: string): string {
  const bracketed = /^"?\[([^\]]*)\](?::\d+)?"?$/.exec(node)
  if (bracketed?.[1] !== undefined) return bracketed[1]
  return /^"?([0-9.]+)(?::\d+)?"?$/.exec(node)?.[1] ?? node
}

/** The `for` node of each element of Forwarded; an element without one is an unknown hop. */
function forwardedNodes(value: string): string[] {
  return value
    .slice(-chainMaxCharacters)
    .split(',')
    .map((element) => /(?:^|;)\s*for\s*=\s*("[^"]*"|[^;\s]*)/i.exec(element)?.[1]?.replaceAll('"', '') ?? '')
}
