/** Who is the client of a flow whose handshake was not seen? A guess: from the first bytes if they tell, else from the ports. */

/** True when the sender of `buffer[from, to)` is more likely the client. */
export function isSenderClient(
  buffer: Uint8Array,
  from: number,
  to: number,
  senderPort: number,
  receiverPort: number,
): boolean {
  const role = roleByBytes(buffer, from, to)
  if (role !== undefined) return role === 'client'
  return senderPort >= receiverPort // Servers listen low, clients call from high; a tie goes to who spoke first.
}

function roleByBytes(buffer: Uint8Array, from: number, to: number): 'client' | 'server' | undefined {
  if (startsWith(buffer, from, to, 'HTTP/1.')) return 'server'
  if (startsWith(buffer, from, to, 'PRI * HTTP/2')) return 'client'
  // TLS handshake record: ClientHello is type 1, ServerHello type 2. RFC 8446 §4.
  if (to - from >= 6 && buffer[from] === 0x16 && buffer[from + 1] === 3) {
    if (buffer[from + 5] === 1) return 'client'
    if (buffer[from + 5] === 2) return 'server'
  }
  return startsWithMethod(buffer, from, to) ? 'client' : undefined
}

function startsWith(buffer: Uint8Array, from: number, to: number, text: string): boolean {
  if (to - from < text.length) return false
  for (let index = 0; index < text.length; index++) if (buffer[from + index] !== text.charCodeAt(index)) return false
  return true
}

/** Three to twenty capital letters, a space, and what a request target starts with: `/`, `*` or a letter (a URI, an authority). */
function startsWithMethod(buffer: Uint8Array, from: number, to: number): boolean {
  let at = from
  const limit = Math.min(to, from + 20)
  while (at < limit && buffer[at]! >= 0x41 && buffer[at]! <= 0x5a) at++
  if (at - from < 3 || at + 1 >= to || buffer[at] !== 0x20) return false
  const target = buffer[at + 1]!
  return target === 0x2f || target === 0x2a || (target >= 0x61 && target <= 0x7a)
}
