/** Addresses as actors: one spelling for one address, and whether a CIDR holds it. */

import ipaddr from 'ipaddr.js'

/** Four decimal parts or RFC 4291 text; not the short and octal forms that `inet_aton` takes. */
export function isAddress(text: string): boolean {
  return ipaddr.IPv4.isValidFourPartDecimal(text) || ipaddr.IPv6.isValid(text)
}

export function isNetwork(text: string): boolean {
  return text.includes('/') && isAddress(text.slice(0, text.indexOf('/'))) && ipaddr.isValidCIDR(text)
}

/** RFC 5952 text of an address, IPv4 inside IPv6 as IPv4, a CIDR as it is; undefined for what is neither. */
export function canonicalAddress(text: string): string | undefined {
  if (isAddress(text)) return ipaddr.process(text).toString()
  return isNetwork(text) ? text : undefined
}

/** `holder` is an address or a CIDR. */
export function addressHolds(holder: string, address: string): boolean {
  if (holder === address) return true
  if (!isAddress(address)) return false
  const parsed = ipaddr.process(address)
  if (!isNetwork(holder)) return isAddress(holder) && ipaddr.process(holder).toString() === parsed.toString()
  const [network, bits] = ipaddr.parseCIDR(holder)
  return network.kind() === parsed.kind() && parsed.match(network, bits)
}
