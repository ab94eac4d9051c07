/**
 * Commands that messages name, so that they can be pasted: with the launcher that works in a checkout whatever way this command was
 * called, and with the folders just used. Pure.
 */

import type { CommonFlags } from './common-flags.js'

/** `npx --no-install tapwarden findings --store DIR`: `command` with the flags that say where the store is. */
export function pastable(flags: Pick<CommonFlags, 'store' | 'config'>, command: string): string {
  const words = ['npx --no-install tapwarden', command]
  if (flags.store !== undefined) words.push('--store', shellWord(flags.store))
  if (flags.config !== undefined) words.push('--config', shellWord(flags.config))
  return words.join(' ')
}

/** As a POSIX shell reads it back. */
function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}
