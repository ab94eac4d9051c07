/** `access-key`: the subkey with which an edge computes the tokens of API keys itself (contracts/token.ts, class access). */

import { type CommonFlags, keyFileOf, readSettings } from '../common-flags.js'
import type { Output } from '../output.js'
import { openRedactor } from '../sensor.js'

/** Prints the base64 that HAProxy takes, and nothing else, so that a script can use it. Makes the fleet key where there is none yet. */
export async function accessKey(flags: CommonFlags & { readonly json?: boolean }, output: Output): Promise<void> {
  const settings = await readSettings(flags, output, { quietLevel: 'warn' })
  if (settings === undefined) return
  const key = (await openRedactor(settings.config, keyFileOf(settings.config))).accessSubkey()
  output.out(flags.json === true ? JSON.stringify(key) : key.base64)
}
