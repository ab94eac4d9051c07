/**
 * A folder of rotating captures, followed until it is stopped: files grow, new ones appear, old ones vanish or are written anew
 * (`tcpdump -G`, `-C`, `-W`; `dumpcap -b`).
 *
 *   look (names, sizes, first bytes) ─► read what is new, oldest file first ─► nothing new: wait ─► look …
 *                 │ gone, or written anew: what of it was not read is lost, and counted
 *
 * Every file keeps its reader, so that a record may be written in pieces, and each is read to its end whenever it has grown. A writer closes a
 * file before it begins the next, so reading oldest first is the order of time: provided that all older files are looked at after a newer one was
 * found, which is why whatever is found is looked at again before anything is read. A restart begins at a time, not at a place in a file:
 * frames before it are skipped, those after it are read again where they were read already, and make the same transactions.
 */

import { constants, type Stats } from 'node:fs'
import { type FileHandle, open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type FrameView, PcapReader, type PcapReaderOptions } from '@tapwarden/pcap/pcap-reader'
import { captureFault } from './capture-start.js'
import { type FrameSink, type FrameSource, FrameSourceError, type FrameSourceStatistics } from './frame-source.js'

export interface FollowedFolderOptions {
  readonly folder: string
  /** Frames before this time were dealt with by an earlier run. Default: all are new. */
  readonly fromUs?: number
  /** Between two looks where nothing is new. Default 250. */
  readonly pollMs?: number
}

interface FollowedFile {
  /** Where it was last: a file may be renamed. */
  path: string
  readonly inode: number
  /** Its first bytes, as many as were there: a file written anew has another first frame. */
  head: Uint8Array
  firstFrameUs: number
  /** Undefined for what is no capture, may not be read, or is damaged: it is not read on. */
  reader: PcapReader | undefined
  readBytes: number
  sizeBytes: number
  changedMs: number
}

const blockBytes = 1_048_576
const headBytes = 1_024
/** Enough for the first frame, however large. */
const startBytes = 131_072
const pollDefaultMs = 250
const filesMaxCount = 65_536
/** A writer that begins files faster than we look at them shall not keep us from reading. */
const looksMaxCount = 10
const warningsMaxCount = 100

export class FollowedFolderSource implements FrameSource {
  readonly #options: FollowedFolderOptions
  readonly #fromUs: number
  #files = new Map<string, FollowedFile>()
  readonly #block = new Uint8Array(blockBytes)
  readonly #oddities = new Map<string, number>()
  readonly #warnings: string[] = []
  readonly #stopping = new AbortController()
  #isOrdered = true
  #frameCount = 0
  #bytesRead = 0
  #running: Promise<void> | undefined
  #onCapturing: () => void = () => undefined
  /** Resolves when the folder is found; stays pending when it is not (`frames` rejects then). */
  readonly capturing: Promise<void>
  /** Time of the frame handed on latest; undefined before the first. */
  lastFrameUs: number | undefined

  constructor(options: FollowedFolderOptions) {
    this.#options = options
    this.#fromUs = options.fromUs ?? Number.NEGATIVE_INFINITY
    this.capturing = new Promise((resolve) => {
      this.#onCapturing = resolve
    })
  }

  frames(sink: FrameSink): Promise<void> {
    this.#running ??= this.#follow(sink)
    return this.#running
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running?.catch(() => undefined) // Whoever called `frames` hears of it.
  }

  statistics(): FrameSourceStatistics {
    return {
      frameCount: this.#frameCount,
      bytesRead: this.#bytesRead,
      totalBytes: undefined,
      kernelDroppedCount: 0,
      restartCount: 0,
      warnings: [...this.#warnings],
      oddities: this.#oddities,
    }
  }

  async #follow(sink: FrameSink): Promise<void> {
    await requireFolder(this.#options.folder)
    this.#onCapturing()
    const onFrame = (frame: FrameView): void => {
      if (frame.timestampUs < this.#fromUs) return
      this.#frameCount++
      this.lastFrameUs = frame.timestampUs
      sink.frame(frame)
    }
    const into: PcapReaderOptions = {
      onFrame,
      onTlsSecrets: (bytes, from, to) => sink.tlsSecrets?.(bytes, from, to),
    }
    const { signal } = this.#stopping
    while (!signal.aborted) {
      for (let looks = 0; (await this.#look(into)) && looks < looksMaxCount; looks++);
      if (await this.#readNew(sink)) continue
      // An abort ends the wait.
      await delay(this.#options.pollMs ?? pollDefaultMs, undefined, { signal }).catch(() => undefined)
    }
  }

  /** Brings `#files` up to date: what is there, in the order of first frames. Whether any was found that was not known. */
  async #look(into: PcapReaderOptions): Promise<boolean> {
    let hasFound = false
    this.#isOrdered = true
    const found = await this.#found()
    const byInode = new Map([...this.#files.values()].map((file) => [file.inode, file]))
    const kept = new Set<FollowedFile>()
    const named = new Map<string, FollowedFile>()
    for (const [name, is] of found) {
      const path = join(this.#options.folder, name)
      const known = this.#files.get(name)
      if (known !== undefined && (await this.#isSame(known, is, path))) {
        kept.add(known)
        continue
      }
      // A file may be renamed, between two looks at its old name and its new one as well: what was read of it is read.
      const other = byInode.get(is.ino)
      const isMoved =
        other !== undefined && other !== known && !kept.has(other) && (await this.#isSame(other, is, path))
      const file = isMoved ? other : await this.#begun(path, is, into, known)
      file.path = path
      kept.add(file)
      named.set(name, file)
      this.#isOrdered = false
      hasFound ||= !isMoved
    }
    for (const [name, file] of this.#files) {
      if (kept.has(file) && !named.has(name) && file.path === join(this.#options.folder, name)) continue
      this.#files.delete(name)
      if (!kept.has(file)) this.#lose(file)
    }
    for (const [name, file] of named) this.#files.set(name, file)
    if (this.#isOrdered) return hasFound
    const inOrder = [...this.#files].sort(([aName, a], [bName, b]) => {
      const byTime = a.firstFrameUs < b.firstFrameUs ? -1 : a.firstFrameUs > b.firstFrameUs ? 1 : 0
      return byTime === 0 ? (aName < bName ? -1 : 1) : byTime
    })
    this.#files = new Map(inOrder)
    return hasFound
  }

  /** Regular files with something in them, by name; each once, also while it is being renamed. */
  async #found(): Promise<Map<string, Stats>> {
    const found = new Map<string, Stats>()
    const names = new Map<number, string>()
    for (const name of await this.#names()) {
      const is = await statOf(join(this.#options.folder, name))
      if (is?.isFile() !== true || is.size === 0) continue
      found.delete(names.get(is.ino) ?? '')
      names.set(is.ino, name)
      found.set(name, is)
    }
    return found
  }

  /** None while the folder is away: its writer may make it anew. */
  async #names(): Promise<string[]> {
    let names: string[]
    try {
      names = await readdir(this.#options.folder)
    } catch (cause) {
      if (codeOf(cause) === 'ENOENT') return []
      throw folderError(this.#options.folder, cause)
    }
    if (names.length <= filesMaxCount) return names.sort()
    throw new FrameSourceError(
      'unreadable',
      `${this.#options.folder} holds more than ${filesMaxCount} files; follow a folder that holds the rotating captures alone`,
    )
  }

  /** Whether what stands at `path` is `file`, perhaps grown. */
  async #isSame(file: FollowedFile, is: Stats, path: string): Promise<boolean> {
    if (file.inode !== is.ino || is.size < file.readBytes) return false
    if (file.changedMs === is.mtimeMs && file.sizeBytes === is.size) return true
    const start = await startOf(path, file.firstFrameUs === Number.POSITIVE_INFINITY ? startBytes : headBytes)
    if (start === undefined || !startsAlike(start, file.head)) return false
    file.head = start.subarray(0, headBytes)
    file.sizeBytes = is.size
    file.changedMs = is.mtimeMs
    if (file.firstFrameUs === Number.POSITIVE_INFINITY) {
      file.firstFrameUs = firstFrameOf(start)
      this.#isOrdered &&= file.firstFrameUs === Number.POSITIVE_INFINITY
    }
    return true
  }

  /** A file met for the first time, or written anew in the place of `before`. */
  async #begun(
    path: string,
    is: Stats,
    into: PcapReaderOptions,
    before: FollowedFile | undefined,
  ): Promise<FollowedFile> {
    const start = await startOf(path, startBytes)
    if (start === undefined && (before === undefined || before.head.length > 0)) {
      this.#note('source.file-unreadable', `${path} cannot be read by this user; let its writer permit that`)
    }
    return {
      path,
      inode: is.ino,
      head: start?.subarray(0, headBytes) ?? new Uint8Array(0),
      firstFrameUs: start === undefined ? Number.POSITIVE_INFINITY : firstFrameOf(start),
      reader: start !== undefined && isCapture(start) ? new PcapReader(into) : undefined,
      readBytes: 0,
      sizeBytes: is.size,
      changedMs: is.mtimeMs,
    }
  }

  /** Whether anything was new. */
  async #readNew(sink: FrameSink): Promise<boolean> {
    let isNew = false
    for (const file of this.#files.values()) {
      if (file.reader === undefined || file.readBytes >= file.sizeBytes) continue
      if (this.#stopping.signal.aborted) return true
      isNew = (await this.#readOne(file, sink)) || isNew
    }
    return isNew
  }

  /** To its end as it is now, which may be further than it was when we looked. */
  async #readOne(file: FollowedFile, sink: FrameSink): Promise<boolean> {
    const handle = await openFile(file.path)
    if (handle === undefined) return false
    const before = file.readBytes
    try {
      while (!this.#stopping.signal.aborted && file.reader !== undefined) {
        // A ring that has come round to the file that is being read: what stands there now belongs to other frames.
        const is = await handle.stat()
        if (is.ino !== file.inode || is.size < file.readBytes) break
        if (file.readBytes > 0 && !startsAlike(await startIn(handle, headBytes), file.head)) break
        const { bytesRead } = await handle.read(this.#block, 0, blockBytes, file.readBytes)
        if (bytesRead === 0) break
        file.readBytes += bytesRead
        this.#bytesRead += bytesRead
        const fault = file.reader.push(this.#block, 0, bytesRead)
        await sink.afterBlock?.()
        if (fault === undefined) continue
        file.reader = undefined
        this.#note('source.file-damaged', captureFault(file.path, fault).message)
      }
    } finally {
      await handle.close()
    }
    return file.readBytes > before
  }

  /** It is gone, or written anew. */
  #lose(file: FollowedFile): void {
    if (file.reader === undefined) return
    const unreadBytes = file.sizeBytes - file.readBytes
    if (unreadBytes > 0) {
      this.#note(
        'source.file-lost',
        `${file.path} was gone before its last ${unreadBytes} bytes were read: let more files be kept, or give them more room`,
      )
    } else if (file.reader.end()?.code === 'truncated') {
      this.#note('source.file-cut', `${file.path} ended inside a record; what came before it was read`)
    }
  }

  #note(oddity: string, warning: string): void {
    this.#oddities.set(oddity, (this.#oddities.get(oddity) ?? 0) + 1)
    if (this.#warnings.length < warningsMaxCount) this.#warnings.push(warning)
  }
}

async function requireFolder(folder: string): Promise<void> {
  try {
    if ((await stat(folder)).isDirectory()) {
      await readdir(folder)
      return
    }
  } catch (cause) {
    throw folderError(folder, cause)
  }
  throw new FrameSourceError('missing', `${folder} is no folder; name the folder that the captures are written to`)
}

function folderError(folder: string, cause: unknown): FrameSourceError {
  if (['ENOENT', 'ENOTDIR'].includes(codeOf(cause) ?? ''))
    return new FrameSourceError('missing', `${folder} does not exist; make it, or name another`, { cause })
  const why = ['EACCES', 'EPERM'].includes(codeOf(cause) ?? '') ? 'this user may not read it' : String(codeOf(cause))
  return new FrameSourceError('unreadable', `${folder} cannot be read: ${why}`, { cause })
}

/** Undefined for what is gone, or may not be seen. */
async function statOf(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path)
  } catch {
    return undefined
  }
}

async function openFile(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, constants.O_RDONLY)
  } catch {
    return undefined
  }
}

/** Undefined where it may not be read; empty where it is gone. */
async function startOf(path: string, bytes: number): Promise<Uint8Array | undefined> {
  let handle: FileHandle
  try {
    handle = await open(path, constants.O_RDONLY)
  } catch (cause) {
    return codeOf(cause) === 'ENOENT' ? new Uint8Array(0) : undefined
  }
  try {
    return await startIn(handle, bytes)
  } finally {
    await handle.close()
  }
}

async function startIn(handle: FileHandle, bytes: number): Promise<Uint8Array> {
  const start = new Uint8Array(bytes)
  const { bytesRead } = await handle.read(start, 0, bytes, 0)
  return start.subarray(0, bytesRead)
}

function startsAlike(one: Uint8Array, other: Uint8Array): boolean {
  const bytes = Math.min(one.length, other.length)
  return Buffer.compare(one.subarray(0, bytes), other.subarray(0, bytes)) === 0
}

/** Fewer bytes than tell are taken for the start of one. */
function isCapture(head: Uint8Array): boolean {
  return new PcapReader({ onFrame: () => undefined }).push(head)?.code !== 'not-a-capture'
}

/** Infinity while there is none: such a file is the newest. */
function firstFrameOf(head: Uint8Array): number {
  let firstUs = Number.POSITIVE_INFINITY
  const onFrame = ({ timestampUs }: FrameView): void => {
    firstUs = Math.min(firstUs, timestampUs)
  }
  new PcapReader({ onFrame }).push(head)
  return firstUs
}

function codeOf(cause: unknown): string | undefined {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : undefined
}
