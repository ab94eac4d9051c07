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

const createFaults: Readonly<Record<string, string>> = {
  EACCES: 'may not be written by this user',
  EPERM: 'may not be written by this user',
  EROFS: 'cannot be written: the disk is read only',
  ENOSPC: 'cannot be written: the disk is full',
  EISDIR: 'is a folder, not a file',
  ENOTDIR: 'cannot be made: a part of its path is no folder',
  EEXIST: 'cannot be made: a part of its path is no folder',
  ENOENT: 'cannot be made here',
}

/** A system error met while making or opening `path` for writing; `wayOut` says which setting to change. Undefined as above. */
export function fileCreateError(path: string, wayOut: string, error: unknown): UserError | undefined {
  const fault = createFaults[systemErrorCode(error) ?? '']
  return fault === undefined
    ? undefined
    : new UserError('cannotCreate', `${path}: ${fault}; ${wayOut}`, { cause: error })
}

/** Where a server of ours was to listen, in a person's words. */
export interface ListenPlace {
  /** `the health port`. */
  readonly what: string
  readonly host: string
  readonly port: number
  /** As the configuration spells them. */
  readonly hostSetting: string
  readonly portSetting: string
}

/** A system error met while listening, as a `UserError`; undefined when it is none that a person could have caused. */
export function listenError(place: ListenPlace, error: unknown): UserError | undefined {
  const where = `${place.what} ${place.host}:${place.port}`
  const options = { cause: error }
  switch (systemErrorCode(error)) {
    case 'EADDRINUSE':
      return new UserError('unavailable', `${where} is in use: set ${place.portSetting} to another, or 0`, options)
    case 'EACCES':
      return new UserError('noPermission', `${where} is not permitted: use one above 1023`, options)
    case 'EADDRNOTAVAIL':
      return new UserError('config', `${place.hostSetting}: ${place.host} is no address of this machine`, options)
    default:
      return undefined
  }
}

export function systemErrorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}
