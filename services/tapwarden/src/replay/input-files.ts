/**
 * Captures named on the command line, looked at before anything is started: each is a readable file that begins like a capture, or has its
 * fault. A wrong one costs its line and the exit code, not the others. A pipe, and standard input, can be read only once: what comes out of
 * them shows when they are read. In the stack's thread, before that of captures-in-thread.ts starts.
 */

import { access, constants, stat } from 'node:fs/promises'
import { isatty } from 'node:tty'
import { fileReadError, UserError } from '@tapwarden/runtime/user-error'
import { inputName, standardInput } from '@tapwarden/service-capture/capture-input'
import { lookAtCapture } from '@tapwarden/service-capture/capture-start'
import { FrameSourceError } from '@tapwarden/service-capture/frame-source'
import { sourceFault } from '../sensor.js'

export interface InputFile {
  /** Or `-`. */
  readonly path: string
  /** Undefined for what can be read once only: nobody knows how much comes. */
  readonly bytes: number | undefined
  /** Capture time of its first frame, where that is near its start. */
  readonly firstFrameUs: number | undefined
}

export interface InputFiles {
  readonly usable: readonly InputFile[]
  readonly faults: readonly UserError[]
}

export async function inspectInputs(paths: readonly string[]): Promise<InputFiles> {
  const usable: InputFile[] = []
  const faults: UserError[] = []
  for (const path of paths) {
    try {
      if (path === standardInput && usable.some((each) => each.path === standardInput)) {
        throw new UserError('usage', '-: standard input can be read once only; name it once')
      }
      usable.push(await inspected(path))
    } catch (error) {
      const fault = userErrorOf(path, error)
      if (fault === undefined) throw error
      faults.push(fault)
    }
  }
  return { usable, faults }
}

/** Bytes of all; undefined where one is a pipe. */
export function bytesOfAll(files: readonly InputFile[]): number | undefined {
  return files.reduce<number | undefined>(
    (sum, { bytes }) => (sum === undefined || bytes === undefined ? undefined : sum + bytes),
    0,
  )
}

async function inspected(path: string): Promise<InputFile> {
  if (path === standardInput) {
    if (isatty(0)) {
      throw new UserError(
        'usage',
        '-: standard input is a terminal; pipe a capture into it: tcpdump -i eth0 -w - | tapwarden replay -',
      )
    }
    return { path, bytes: undefined, firstFrameUs: undefined }
  }
  const found = await stat(path)
  if (found.isDirectory()) throw new UserError('noInput', `${path}: is a folder; name the captures in it`)
  if (found.isFIFO() || found.isSocket()) {
    await access(path, constants.R_OK)
    return { path, bytes: undefined, firstFrameUs: undefined }
  }
  if (!found.isFile()) throw new UserError('noInput', `${path}: is no file; save the capture to a file first`)
  await access(path, constants.R_OK)
  const { firstFrameUs } = await lookAtCapture(path)
  return { path, bytes: found.size, firstFrameUs }
}

function userErrorOf(path: string, error: unknown): UserError | undefined {
  if (error instanceof UserError) return error
  if (!(error instanceof FrameSourceError)) return fileReadError(path, error)
  // Named like the other faults of files: what follows the name is what is wrong.
  const { message } = sourceFault(error)
  return new UserError('noInput', message.replace(`${inputName(path)} `, `${path}: `), { cause: error })
}
