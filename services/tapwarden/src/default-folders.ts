/** Where things are when nobody says otherwise. Pure: the environment comes in. */

import { isAbsolute, join } from 'node:path'
import { UserError } from '@tapwarden/runtime/user-error'

export type Environment = Readonly<Record<string, string | undefined>>

/** `$STATE_DIRECTORY` under systemd (`/var/lib/tapwarden`), else `$XDG_DATA_HOME/tapwarden`, else `~/.local/share/tapwarden`. */
export function defaultStoreFolder(environment: Environment): string {
  // systemd gives a list when a unit has several.
  const [state] = (environment['STATE_DIRECTORY'] ?? '').split(':')
  if (state !== undefined && isAbsolute(state)) return state
  return join(userFolder(environment, 'XDG_DATA_HOME', '.local/share', '--store DIR'), 'tapwarden')
}

/** Outside the store, so that a copy of the store does not take the key along. */
export function defaultKeyFile(environment: Environment): string {
  const [configuration] = (environment['CONFIGURATION_DIRECTORY'] ?? '').split(':')
  if (configuration !== undefined && isAbsolute(configuration)) return join(configuration, 'fleet.key')
  return join(
    userFolder(environment, 'XDG_CONFIG_HOME', '.config', 'keyFile in the configuration'),
    'tapwarden',
    'fleet.key',
  )
}

/** The base-directory rules: a relative path in the variable is ignored. */
function userFolder(environment: Environment, variable: string, below: string, instead: string): string {
  const named = environment[variable]
  if (named !== undefined && isAbsolute(named)) return named
  const home = environment['HOME']
  if (home !== undefined && isAbsolute(home)) return join(home, below)
  throw new UserError('config', `neither ${variable} nor HOME names a folder; give ${instead}`)
}
