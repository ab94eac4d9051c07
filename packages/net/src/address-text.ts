/** Addresses as text: dotted decimal, and IPv6 as RFC 5952 wants it (so that equal addresses are equal strings). Built once a flow. */

/** `bytes[from, from + 4 or 16)`. */
export function addressText(bytes: Uint8Array, from: number, addressBytes: 4 | 16): string {
  return addressBytes === 4 ? bytes.subarray(from, from + 4).join('.') : ipv6Text(bytes, from)
}

function ipv6Text(bytes: Uint8Array, from: number): string {
  const groups: number[] = []
  for (let at = from; at < from + 16; at += 2) groups.push((bytes[at]! << 8) | bytes[at + 1]!)
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    return `::ffff:${bytes.subarray(from + 12, from + 16).join('.')}` // RFC 5952 §5
  }
  const [start, count] = longestZeroRun(groups)
  const hex = groups.map((group) => group.toString(16))
  if (count < 2) return hex.join(':')
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + count).join(':')}`
}

/** The first of the longest runs: [index, count]. */
function longestZeroRun(groups: readonly number[]): [number, number] {
  let best: [number, number] = [0, 0]
  let count = 0
  groups.forEach((group, index) => {
    count = group === 0 ? count + 1 : 0
    if (count > best[1]) best = [index - count + 1, count]
  })
  return best
}

/** The inverse, for builders and tests: 4 or 16 bytes. Undefined when `text` is no address. */
export function addressBytes(text: string): Uint8Array | undefined {
  if (!text.includes(':')) return ipv4Bytes(text)
  const lastColon = text.lastIndexOf(':')
  const tail = text.slice(lastColon + 1)
  if (tail.includes('.')) {
    const four = ipv4Bytes(tail)
    if (four === undefined) return undefined
    const [a = 0, b = 0, c = 0, d = 0] = four
    return addressBytes(`${text.slice(0, lastColon)}:${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`)
  }
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const [head = [], rest] = halves.map((half) => (half === '' ? [] : half.split(':')))
  const missing = 8 - head.length - (rest?.length ?? 0)
  if (rest === undefined ? missing !== 0 : missing < 1) return undefined
  const groups = [...head, ...new Array<string>(missing).fill('0'), ...(rest ?? [])]
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined
  return Uint8Array.from(
    groups.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff]),
  )
}

function ipv4Bytes(text: string): Uint8Array | undefined {
  const parts = text.split('.')
  const valid = parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255)
  return valid ? Uint8Array.from(parts.map(Number)) : undefined
}
