/** Looks for secrets in bytes, in every form in which a program may have written them. */

const prefixBytes = 4
/** A shorter needle would be found by chance. */
const needleMinBytes = 8
const filterBits = 22

export interface Hit {
  readonly secret: string
  /** How it was written. */
  readonly form: string
}

interface Needle extends Hit {
  readonly bytes: Buffer
}

/** The forms of a secret that leave at least `needleMinBytes` to look for. */
export function formsOf(secret: string): readonly Needle[] {
  const raw = Buffer.from(secret)
  const hex = raw.toString('hex')
  const percentAll = hex.replaceAll(/../g, '%$&')
  const forms: [string, string][] = [
    ['as it is', secret],
    ['in lower case', secret.toLowerCase()],
    ['in upper case', secret.toUpperCase()],
    ['in JSON', JSON.stringify(secret).slice(1, -1)],
    ['percent-encoded', encodeURIComponent(secret)],
    ['percent-encoded twice', encodeURIComponent(encodeURIComponent(secret))],
    ['percent-encoded throughout', percentAll],
    ['percent-encoded throughout', percentAll.toUpperCase()],
    ['in hexadecimal', hex],
    ['in hexadecimal', hex.toUpperCase()],
    ['reversed', [...secret].reverse().join('')],
  ]
  for (let phase = 0; phase < 3; phase++) {
    for (const encoding of ['base64', 'base64url'] as const) {
      const text = Buffer.concat([Buffer.alloc(phase), raw])
        .toString(encoding)
        .replaceAll('=', '')
      // The characters at both ends depend on the neighbors as well.
      const to = (phase + raw.length) % 3 === 0 ? text.length : text.length - 1
      forms.push([`in ${encoding}, phase ${phase}`, text.slice(phase === 0 ? 0 : phase + 1, to)])
    }
  }
  const seen = new Set<string>()
  return forms.flatMap(([form, text]) => {
    if (seen.has(text)) return []
    seen.add(text)
    const bytes = Buffer.from(text)
    return bytes.length < needleMinBytes ? [] : [{ secret, form, bytes }]
  })
}

export class CanarySearch {
  /** By their first four bytes. */
  readonly #needles = new Map<number, Needle[]>()
  readonly #filter = new Uint8Array(2 ** filterBits)

  constructor(secrets: Iterable<string>) {
    for (const needle of [...secrets].flatMap((secret) => formsOf(secret))) {
      const prefix = needle.bytes.readInt32BE(0)
      const others = this.#needles.get(prefix)
      if (others === undefined) this.#needles.set(prefix, [needle])
      else others.push(needle)
      this.#filter[slotOf(prefix)] = 1
    }
  }

  /** Every form of every secret that occurs in `bytes`, once. */
  hits(bytes: Uint8Array): Hit[] {
    const haystack = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const found = new Set<Needle>()
    let prefix = 0
    for (let at = 0; at < haystack.length; at++) {
      prefix = (prefix << 8) | haystack[at]! // In range by the loop condition.
      if (at < prefixBytes - 1 || this.#filter[slotOf(prefix)] === 0) continue
      const from = at - prefixBytes + 1
      for (const needle of this.#needles.get(prefix) ?? []) {
        const to = from + needle.bytes.length
        if (to <= haystack.length && haystack.compare(needle.bytes, 0, needle.bytes.length, from, to) === 0)
          found.add(needle)
      }
    }
    return [...found].map(({ secret, form }) => ({ secret, form }))
  }
}

function slotOf(prefix: number): number {
  return Math.imul(prefix, 0x9e3779b1) >>> (32 - filterBits)
}
