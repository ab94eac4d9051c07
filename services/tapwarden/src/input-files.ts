/** Captures named on the command line, looked at before anything is started: each is a readable file with something in it, or has its fault. */

import { access, constants, stat } from 'node:fs/promises'
import { fileReadError, UserError } from '@tapwarden/runtime/user-error'

export interface InputFiles {
  readonly usable: readonly { readonly path: string; readonly bytes: number }[]
  readonly faults: readonly UserError[]
}

export async function inspectInputs(paths: readonly string[]): Promise<InputFiles> {
  const usable: { path: string; bytes: number }[] = []
  const faults: UserError[] = []
  for (const path of paths) {
    try {
      usable.push({ path, bytes: await usableBytes(path) })
    } catch (error) {
      const fault = error instanceof UserError ? error : fileReadError(path, error)
      if (fault === undefined) throw error
      faults.push(fault)
    }
  }
  return { usable, faults }
}

async function usableBytes(path: string): Promise<number> {
  const found = await stat(path)
  if (found.isDirectory()) throw new UserError('noInput', `${path}: is a folder, not a capture; name the files in it`)
  await access(path, constants.R_OK)
  if (found.isFile() && found.size === 0) throw new UserError('noInput', `${path}: is empty`)
  return found.size
}
