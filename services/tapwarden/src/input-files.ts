/**
 * Captures named on the command line, looked at before anything is started: each is a readable file that begins like a capture, or has its
 * fault. A wrong one costs its line and the exit code, not the others.
 */

import { open } from 'node:fs/promises'
import { PcapReader } from '@tapwarden/pcap/pcap-reader'
import { fileReadError, UserError } from '@tapwarden/runtime/user-error'

export interface InputFiles {
  readonly usable: readonly string[]
  readonly totalBytes: number
  readonly faults: readonly UserError[]
}

/** Enough for any header that tells a capture from something else. */
const startBytes = 4_096

export async function inspectInputs(paths: readonly string[]): Promise<InputFiles> {
  const usable: string[] = []
  const faults: UserError[] = []
  let totalBytes = 0
  for (const path of paths) {
    try {
      totalBytes += await captureBytes(path)
      usable.push(path)
    } catch (error) {
      const fault = error instanceof UserError ? error : fileReadError(path, error)
      if (fault === undefined) throw error
      faults.push(fault)
    }
  }
  return { usable, totalBytes, faults }
}

/** Size of the capture; 0 for a pipe, which can be read once only. */
async function captureBytes(path: string): Promise<number> {
  const file = await open(path, 'r')
  try {
    const found = await file.stat()
    if (found.isDirectory()) throw new UserError('noInput', `${path}: is a folder; name the captures in it`)
    if (!found.isFile()) return 0
    const start = new Uint8Array(startBytes)
    const { bytesRead } = await file.read(start, 0, start.length, 0)
    if (bytesRead === 0) throw new UserError('noInput', `${path}: is empty`)
    const reader = new PcapReader({ onFrame: () => undefined })
    const fault = reader.push(start, 0, bytesRead) ?? reader.end()
    if (fault?.code === 'not-a-capture') throw new UserError('noInput', `${path}: is neither pcap nor pcapng`)
    return found.size
  } finally {
    await file.close()
  }
}
