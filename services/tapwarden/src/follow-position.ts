/**
 * How far a followed folder is stored, kept in the store folder: a time, not a place in a file. A restart reads from a while before it, and the
 * ids of transactions tell what is stored already, so that a kill at any moment neither loses nor repeats one.
 *
 *   after a block, every `everyMs`: nothing more is read ─► all that was published has had its effects ─► time of the newest frame noted
 *
 * Invariant: every transaction whose frames all lie `rewindMs` or more before the noted time is stored.
 */

import { createHash } from 'node:crypto'
import { readFile, realpath, rename, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { fileCreateError } from '@tapwarden/runtime/user-error'
import type { FrameSink, FrameSource, FrameSourceStatistics } from '@tapwarden/service-capture/frame-source'
import { z } from 'zod'

const positionSchema = z.object({ folder: z.string(), observedAtUs: z.int().nonnegative() })

export class FollowPosition {
  readonly #path: string
  readonly #folder: string
  /** Time up to which everything is stored; undefined when nothing of this folder is known to be. */
  observedAtUs: number | undefined

  private constructor(path: string, folder: string) {
    this.#path = path
    this.#folder = folder
  }

  /** `stateFolder` exists. Each followed folder has a position of its own; a damaged one is none: everything is read again. */
  static async open(stateFolder: string, folder: string): Promise<FollowPosition> {
    const real = await realpath(folder).catch(() => resolve(folder)) // It may be away for a moment.
    const name = createHash('sha256').update(real).digest('hex').slice(0, 16)
    const position = new FollowPosition(join(stateFolder, `follow-${name}.json`), real)
    const found = positionSchema.safeParse(await jsonOf(position.#path))
    if (found.success && found.data.folder === real) position.observedAtUs = found.data.observedAtUs
    return position
  }

  /** Whole or not at all, whenever the process ends. Throws `UserError`. */
  async save(observedAtUs: number): Promise<void> {
    if (observedAtUs === this.observedAtUs) return
    const part = `${this.#path}.part`
    try {
      await writeFile(part, `${JSON.stringify({ folder: this.#folder, observedAtUs })}\n`, { mode: 0o600, flush: true })
      await rename(part, this.#path)
    } catch (error) {
      throw fileCreateError(this.#path, 'make room, or give another store with --store DIR', error) ?? error
    }
    this.observedAtUs = observedAtUs
  }
}

export interface CheckpointOptions {
  readonly everyMs: number
  /** Called between two blocks, when `everyMs` have passed since it last ended. */
  readonly checkpoint: () => Promise<void>
  readonly nowMs?: () => number
}

/** Puts a checkpoint between two blocks of its inner source every now and then. */
export class CheckpointedSource implements FrameSource {
  readonly #inner: FrameSource
  readonly #options: CheckpointOptions
  readonly #nowMs: () => number

  constructor(inner: FrameSource, options: CheckpointOptions) {
    this.#inner = inner
    this.#options = options
    this.#nowMs = options.nowMs ?? (() => performance.now())
  }

  async frames(sink: FrameSink): Promise<void> {
    let lastMs = this.#nowMs()
    await this.#inner.frames({
      frame: (frame) => sink.frame(frame),
      tlsSecrets: (bytes, from, to) => sink.tlsSecrets?.(bytes, from, to),
      afterBlock: async () => {
        await sink.afterBlock?.()
        if (this.#nowMs() - lastMs < this.#options.everyMs) return
        await this.#options.checkpoint()
        lastMs = this.#nowMs()
      },
    })
  }

  stop(): Promise<void> {
    return this.#inner.stop()
  }

  statistics(): FrameSourceStatistics {
    return this.#inner.statistics()
  }
}

async function jsonOf(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'))
  } catch {
    return undefined
  }
}
