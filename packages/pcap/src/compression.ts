/** Compressed captures are told from other bytes that are no capture, so that a person hears what to do. Nothing is decompressed here. */

interface Compression {
  readonly name: string
  /** First four bytes at most, in network order. RFC 1952 §2.3.1, RFC 8878 §3.1.1, xz-file-format §2.1.1.1, bzip2. */
  readonly first: readonly number[]
  readonly tool: string
}

const compressions: readonly Compression[] = [
  { name: 'gzip', first: [0x1f, 0x8b], tool: 'gunzip' },
  { name: 'zstd', first: [0x28, 0xb5, 0x2f, 0xfd], tool: 'unzstd' },
  { name: 'xz', first: [0xfd, 0x37, 0x7a, 0x58], tool: 'unxz' },
  { name: 'bzip2', first: [0x42, 0x5a, 0x68], tool: 'bunzip2' },
]

/** `it is compressed with gzip; gunzip it first`, from the bytes at `offset`; undefined when they begin like nothing that we know. */
export function compressionHint(bytes: Uint8Array, offset: number): string | undefined {
  const found = compressions.find(({ first }) => first.every((byte, index) => bytes[offset + index] === byte))
  return found === undefined ? undefined : `it is compressed with ${found.name}; ${found.tool} it first`
}
