/** Compressed captures are told from other bytes by their first ones. Nothing is decompressed here. */

export type CompressionName = 'gzip' | 'zstd' | 'xz' | 'bzip2'

interface Compression {
  readonly name: CompressionName
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

/** How the bytes at `offset` are compressed; undefined when they begin like nothing that we know. */
export function compressionOf(bytes: Uint8Array, offset: number): CompressionName | undefined {
  return found(bytes, offset)?.name
}

/** `it is compressed with xz; unxz it first`, from the bytes at `offset`; undefined when they begin like nothing that we know. */
export function compressionHint(bytes: Uint8Array, offset: number): string | undefined {
  const compression = found(bytes, offset)
  return compression === undefined
    ? undefined
    : `it is compressed with ${compression.name}; ${compression.tool} it first`
}

function found(bytes: Uint8Array, offset: number): Compression | undefined {
  return compressions.find(({ first }) => first.every((byte, index) => bytes[offset + index] === byte))
}
