/**
 * The bytes of one capture, wherever they come from: a file, a named pipe, or standard input (`-`); decompressed when their first bytes
 * say gzip or zstd.
 *
 *   file ──────► 1 MiB blocks of one reused buffer ─┐                        ┌─ plain ──────────────► blocks
 *   pipe, `-` ─► whatever has come ─────────────────┴─ first bytes looked at ┴─ decompressed.ts ────► blocks
 *
 * A regular file costs no more than its reads. A pipe is read without blocking a thread, so that it can be let go at any time.
 */

import { constants, createReadStream, fstatSync, openSync, type Stats } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'
import { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { isatty } from 'node:tty'
import { compressionOf } from '@tapwarden/pcap/compression'
import { decompressed } from './decompressed.js'
import { FrameSourceError } from './frame-source.js'

/** What the command line calls standard input. */
export const standardInput = '-'
const standardInputFd = 0

const magicMaxBytes = 4
export const blockDefaultBytes = 1_048_576

export interface CaptureInputOptions {
  /** Of a regular file. Default 1 MiB. */
  readonly blockBytes?: number
}

export class CaptureInput {
  /** As people know it: its path, or `standard input`. */
  readonly name: string
  /** Undefined when nobody can know. */
  readonly totalBytes: number | undefined
  /** Of the file, compressed as it may be. */
  bytesRead = 0
  /** The compressed data stopped before its end; everything that was there has been handed on. */
  isCut = false
  readonly #file: FileHandle | undefined
  readonly #stream: Readable | undefined
  readonly #blockBytes: number
  #isClosed = false

  private constructor(name: string, from: Opened, blockBytes: number) {
    this.name = name
    this.totalBytes = from.totalBytes
    this.#file = from.file
    this.#stream = from.stream
    this.#blockBytes = blockBytes
  }

  /** Throws `FrameSourceError`. */
  static async open(path: string, options: CaptureInputOptions = {}): Promise<CaptureInput> {
    const name = inputName(path)
    const opened = path === standardInput ? openStandardInput() : await openPath(path)
    return new CaptureInput(name, opened, options.blockBytes ?? blockDefaultBytes)
  }

  /** Each block is borrowed until the next is asked for. Once only. Throws `FrameSourceError`. */
  async *blocks(): AsyncGenerator<Uint8Array, void> {
    const raw = this.#rawBlocks()
    const first = await firstBlock(raw)
    if (first === undefined) return
    const compression = compressionOf(first, 0)
    if (compression !== 'gzip' && compression !== 'zstd') {
      yield first
      yield* raw
      return
    }
    yield* decompressed(startedWith(first, raw), {
      name: this.name,
      compression,
      onCut: () => {
        this.isCut = true
      },
    })
  }

  /** Lets go at once, also of a pipe that nobody fills; `blocks` then ends. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#stream?.destroy()
    await this.#file?.close()
  }

  async *#rawBlocks(): AsyncGenerator<Uint8Array, void> {
    if (this.#file === undefined) yield* this.#streamBlocks()
    else yield* this.#fileBlocks(this.#file)
  }

  async *#fileBlocks(file: FileHandle): AsyncGenerator<Uint8Array, void> {
    const block = new Uint8Array(this.#blockBytes)
    while (!this.#isClosed) {
      const { bytesRead } = await file.read(block, 0, block.length)
      if (bytesRead === 0) return
      this.bytesRead += bytesRead
      // The same array each time where it can be: whoever keeps a view of it keeps one.
      yield bytesRead === block.length ? block : block.subarray(0, bytesRead)
    }
  }

  async *#streamBlocks(): AsyncGenerator<Uint8Array, void> {
    try {
      for await (const chunk of this.#stream as AsyncIterable<Uint8Array>) {
        this.bytesRead += chunk.length
        yield chunk
      }
    } catch (cause) {
      if (this.#isClosed) return
      throw openError(this.name, cause)
    }
  }
}

/** As messages call it. */
export function inputName(path: string): string {
  return path === standardInput ? 'standard input' : path
}

interface Opened {
  readonly file?: FileHandle
  readonly stream?: Readable
  readonly totalBytes: number | undefined
}

function openStandardInput(): Opened {
  if (isatty(standardInputFd)) {
    throw new FrameSourceError(
      'unreadable',
      'standard input is a terminal; pipe a capture into it, for example: tcpdump -i eth0 -w - | tapwarden replay -',
    )
  }
  let found: Stats
  try {
    found = fstatSync(standardInputFd)
  } catch (cause) {
    throw openError(inputName(standardInput), cause)
  }
  return { stream: streamOf(standardInputFd, found), totalBytes: undefined }
}

async function openPath(path: string): Promise<Opened> {
  try {
    const found = await stat(path)
    if (found.isDirectory()) {
      throw new FrameSourceError('directory', `${path} is a directory; name the capture files in it`)
    }
    if (found.isFile()) return { file: await open(path, constants.O_RDONLY), totalBytes: found.size }
    // Without O_NONBLOCK, to open a pipe that nobody writes to would hold a thread that nothing can end.
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    return { stream: streamOf(fd, found), totalBytes: undefined }
  } catch (cause) {
    throw cause instanceof FrameSourceError ? cause : openError(path, cause)
  }
}

function streamOf(fd: number, found: Stats): Readable {
  if (found.isFIFO() || found.isSocket()) return new Socket({ fd, readable: true, writable: false })
  return createReadStream('', { fd, highWaterMark: blockDefaultBytes })
}

/** The first block, with enough bytes to tell what they are: a pipe may bring them one by one. */
async function firstBlock(raw: AsyncGenerator<Uint8Array, void>): Promise<Uint8Array | undefined> {
  let first: Uint8Array | undefined
  while (first === undefined || first.length < magicMaxBytes) {
    const next = await raw.next()
    if (next.done === true) return first
    first = first === undefined ? next.value : Buffer.concat([first, next.value])
  }
  return first
}

async function* startedWith(first: Uint8Array, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  yield first
  yield* rest
}

function openError(path: string, cause: unknown): FrameSourceError {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  if (code === 'ENOENT' || code === 'ENOTDIR')
    return new FrameSourceError('missing', `${path} does not exist`, { cause })
  if (code === 'EISDIR') return new FrameSourceError('directory', `${path} is a directory`, { cause })
  const why = code === 'EACCES' || code === 'EPERM' ? 'this user may not read it' : String(code)
  return new FrameSourceError('unreadable', `${path} cannot be read: ${why}`, { cause })
}
