/** Failures that a person can do something about: one line that says what is wrong and what to do, and an exit code for scripts. */

/** The exit codes of every command; numbers from 64 on are those of sysexits(3). */
export const exitCodes = {
  ok: 0,
  /** A fault of ours, or one that no other code names. */
  internal: 1,
  /** The command line is wrong. */
  usage: 2,
  /** Input ends or goes wrong in the middle; what came before was used. */
  dataError: 65,
  /** Input is missing, unreadable, empty, or not what it should be from its first byte. */
  noInput: 66,
  /** Something that we need does not run or does not answer: engine, edge, tcpdump. */
  unavailable: 69,
  /** A file or folder cannot be created or written. */
  cannotCreate: 73,
  /** The system does not permit it. */
  noPermission: 77,
  /** The configuration is wrong. */
  config: 78,
  /** Ended by SIGINT before it was done: 128 + 2. */
  interrupted: 130,
} as const
export type ExitCodeName = keyof typeof exitCodes

export class UserError extends Error {
  override readonly name = 'UserError'
  readonly exitCode: number
  /** `message` names the thing and the way out, in one line; `cause` is for the log. */
  constructor(code: ExitCodeName, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, { cause: options.cause })
    this.exitCode = exitCodes[code]
  }
}

const fileFaults: Readonly<Record<string, readonly [code: ExitCodeName, what: string]>> = {
  ENOENT: ['noInput', 'does not exist'],
  ENOTDIR: ['noInput', 'does not exist: a part of its path is not a folder'],
  EISDIR: ['noInput', 'is a folder, not a file'],
  EACCES: ['noInput', 'may not be read by this user'],
  EPERM: ['noInput', 'may not be read by this user'],
  EMFILE: ['unavailable', 'cannot be opened: too many open files'],
  EIO: ['dataError', 'cannot be read: the device reports an error'],
}

/** A system error met while reading `path`, as a `UserError`; undefined when it is none that a person could have caused. */
export function fileReadError(path: string, error: unknown): UserError | undefined {
  const fault = fileFaults[systemErrorCode(error) ?? '']
  return fault === undefined ? undefined : new UserError(fault[0], `${path}: ${fault[1]}`, { cause: error })
}

export function systemErrorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}
