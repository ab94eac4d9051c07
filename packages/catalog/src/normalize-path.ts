/** A path as sent → its segments, so that spellings of one path are one path: RFC 3986 §6.2.2 and what servers commonly fold. */

export const segmentsMaxCount = 32

/**
 * Segments without empty ones (`//` and a trailing slash fold away), percent-encoded unreserved characters decoded. Others stay
 * encoded: `%2F` is not a separator. Segments beyond `segmentsMaxCount` are cut off.
 */
export function pathSegments(path: string): string[] {
  const segments: string[] = []
  const query = path.indexOf('?')
  const end = query < 0 ? path.length : query
  const isEncoded = path.indexOf('%') >= 0
  for (let from = 0; from < end && segments.length < segmentsMaxCount; ) {
    let to = path.indexOf('/', from)
    if (to < 0 || to > end) to = end
    if (to > from) segments.push(isEncoded ? decodeUnreserved(path.slice(from, to)) : path.slice(from, to))
    from = to + 1
  }
  return segments
}

export function joinSegments(segments: readonly string[]): string {
  return `/${segments.join('/')}`
}

function decodeUnreserved(segment: string): string {
  let at = segment.indexOf('%')
  if (at < 0) return segment
  let out = ''
  let from = 0
  while (at >= 0) {
    const code = Number.parseInt(segment.slice(at + 1, at + 3), 16)
    if (isUnreserved(code)) {
      out += segment.slice(from, at) + String.fromCharCode(code)
      from = at + 3
    }
    at = segment.indexOf('%', at + 1)
  }
  return out + segment.slice(from)
}

function isUnreserved(code: number): boolean {
  return (
    (code >= 0x30 && code <= 0x39) ||
    (code >= 0x41 && code <= 0x5a) ||
    (code >= 0x61 && code <= 0x7a) ||
    code === 0x2d ||
    code === 0x2e ||
    code === 0x5f ||
    code === 0x7e
  )
}
