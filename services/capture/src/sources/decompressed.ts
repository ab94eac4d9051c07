/**
 * gzip and zstd as they come, in bounded memory: what was made of a piece is taken before the next piece is given, and how much is made
 * ahead is bounded by the decompressor's own buffers, whatever the ratio.
 *
 *   piece ─► decompressor ─► taken until nothing is left ─► next piece … ─► end: whole, or cut
 *
 * Invariant: the input's end is told to the decompressor only when all it had made is taken, so that a cut file loses nothing that was in
 * it. RFC 1952 §2.2: members follow one another; the same holds for the frames of RFC 8878 §3.
 */

import type { Transform } from 'node:stream'
import * as zlib from 'node:zlib'
import { FrameSourceError } from './frame-source.js'

export interface DecompressionOptions {
  /** Of the capture, for messages. */
  readonly name: string
  readonly compression: 'gzip' | 'zstd'
  /** Called once when the data stopped before its end. */
  readonly onCut: () => void
}

const outputBytes = 262_144
const pieceBytes = 65_536
const zstdNodeMin = '22.15'

type Decompressor = Transform & Pick<zlib.Zlib, 'bytesWritten'>

/** Node 20 has none of it. */
interface MaybeZstd extends Pick<typeof zlib, 'createGunzip'> {
  readonly createZstdDecompress?: (options: zlib.ZlibOptions) => Decompressor
}

/** Blocks of `blocks`, decompressed. Throws `FrameSourceError` where they are damaged, or where this Node cannot read them. */
export async function* decompressed(
  blocks: AsyncIterable<Uint8Array>,
  options: DecompressionOptions,
): AsyncGenerator<Uint8Array, void> {
  let output = new PulledOutput(options)
  try {
    for await (const block of blocks) {
      for (let from = 0; from < block.length; ) {
        const piece = block.subarray(from, from + pieceBytes)
        yield* output.of(piece)
        from += piece.length
        if (!output.hasEnded) continue
        // Node's zstd stops behind a frame; the next one begins there. Behind the last one, of either kind, is padding.
        from -= output.unusedBytes
        if (options.compression !== 'zstd' || !isZstdFrame(block, from)) return
        output.close()
        output = new PulledOutput(options)
      }
    }
    yield* output.rest()
  } finally {
    output.close()
  }
}

/** A frame, or a skippable one. A start that the block cuts is taken for one: what it is shows with the next block. */
function isZstdFrame(block: Uint8Array, at: number): boolean {
  const first = block[at] ?? 0
  const magic = (first & 0xf0) === 0x50 ? [first, 0x2a, 0x4d, 0x18] : [0x28, 0xb5, 0x2f, 0xfd]
  return block.subarray(at, at + magic.length).every((byte, index) => byte === magic[index])
}

function decompressor({ name, compression }: DecompressionOptions): Decompressor {
  if (compression === 'gzip') return zlib.createGunzip({ chunkSize: outputBytes })
  const { createZstdDecompress }: MaybeZstd = zlib
  if (createZstdDecompress !== undefined) return createZstdDecompress({ chunkSize: outputBytes })
  throw new FrameSourceError(
    'compressed',
    `${name} is compressed with zstd, which Node ${process.versions.node} cannot read: unzstd it first, or use Node ${zstdNodeMin} or newer`,
  )
}

class PulledOutput {
  readonly #stream: Decompressor
  readonly #options: DecompressionOptions
  #failure: Error | undefined
  #wake: () => void = () => undefined
  #givenBytes = 0
  hasEnded = false

  constructor(options: DecompressionOptions) {
    const stream = decompressor(options)
    this.#stream = stream
    this.#options = options
    stream.on('readable', () => this.#wake())
    stream.on('end', () => {
      this.hasEnded = true
      this.#wake()
    })
    stream.on('error', (error) => {
      this.#failure = error
      this.#wake()
    })
  }

  /** Everything that `piece` makes; then `piece` is used up. */
  async *of(piece: Uint8Array): AsyncGenerator<Uint8Array, void> {
    let isUsed = false
    this.#givenBytes += piece.length
    this.#stream.write(piece, () => {
      isUsed = true
      this.#wake()
    })
    for (;;) {
      const wasUsed = isUsed
      const made = this.#stream.read() as Uint8Array | null
      if (made !== null) yield made
      else if (this.#failure !== undefined) throw this.#damage(this.#failure)
      else if (wasUsed || this.hasEnded) return
      else await this.#change(() => isUsed)
    }
  }

  /** Of the latest piece, where the data ended inside it. */
  get unusedBytes(): number {
    return this.#givenBytes - this.#stream.bytesWritten
  }

  /** The input is over. */
  async *rest(): AsyncGenerator<Uint8Array, void> {
    this.#stream.end()
    while (!this.hasEnded && this.#failure === undefined) {
      const made = this.#stream.read() as Uint8Array | null
      if (made !== null) yield made
      else await this.#change(() => false)
    }
    if (this.#failure !== undefined) this.#options.onCut()
  }

  close(): void {
    this.#stream.destroy()
  }

  /** Waits for an event, unless `isUsed` says that one has passed. */
  #change(isUsed: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
      if (isUsed() || this.hasEnded || this.#failure !== undefined || this.#stream.readableLength > 0) resolve()
    })
  }

  #damage(cause: Error): FrameSourceError {
    const { name, compression } = this.#options
    return new FrameSourceError('malformed-record', `${name} is damaged in its ${compression} data: ${cause.message}`, {
      cause,
    })
  }
}
