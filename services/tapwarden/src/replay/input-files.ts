/**
 * Captures named on the command line, looked at before anything is started: each is a readable file that begins like a capture, or has its
 * fault. A wrong one costs its line and the exit code, not the others. In the stack's thread, before that of captures-in-thread.ts starts.
 */

import { open, stat } from 'node:fs/promises'
import { compressionHint } from '@tapwarden/pcap/compression'
import { PcapReader } from '@tapwarden/pcap/pcap-reader'
import { fileReadError, UserError } from '@tapwarden/runtime/user-error'

export interface InputFile {
  readonly path: string
  readonly bytes: number
  /** Capture time of its first frame, where that is near its start. */
  readonly firstFrameUs: number | undefined
}

export interface InputFiles {
  readonly usable: readonly InputFile[]
  readonly faults: readonly UserError[]
}

/** Enough for any header that tells a capture from something else, and for the first frame. */
const startBytes = 65_536

export async function inspectInputs(paths: readonly string[]): Promise<InputFiles> {
  const usable: InputFile[] = []
  const faults: UserError[] = []
  for (const path of paths) {
    try {
      usable.push(await inspected(path))
    } catch (error) {
      const fault = error instanceof UserError ? error : fileReadError(path, error)
      if (fault === undefined) throw error
      faults.push(fault)
    }
  }
  return { usable, faults }
}

async function inspected(path: string): Promise<InputFile> {
  if (path === '-')
    throw new UserError('noInput', '-: standard input cannot be read yet; save the capture to a file first')
  // Before it is opened: to open a pipe nobody writes to blocks for ever, and to close it again ends whoever does.
  const found = await stat(path)
  if (found.isDirectory()) throw new UserError('noInput', `${path}: is a folder; name the captures in it`)
  if (!found.isFile()) {
    const what = found.isFIFO() ? 'a pipe' : 'no file'
    throw new UserError('noInput', `${path}: is ${what}; save the capture to a file first`)
  }
  const file = await open(path, 'r')
  try {
    const start = new Uint8Array(startBytes)
    const { bytesRead } = await file.read(start, 0, start.length, 0)
    if (bytesRead === 0) throw new UserError('noInput', `${path}: is empty`)
    let firstFrameUs: number | undefined
    const reader = new PcapReader({
      onFrame: (frame) => {
        firstFrameUs ??= frame.timestampUs
      },
    })
    const fault = reader.push(start, 0, bytesRead) ?? reader.end()
    if (fault?.code === 'not-a-capture') {
      const hint = compressionHint(start, 0)
      throw new UserError('noInput', `${path}: is neither pcap nor pcapng${hint === undefined ? '' : `: ${hint}`}`)
    }
    return { path, bytes: found.size, firstFrameUs }
  } finally {
    await file.close()
  }
}
