/** `query`: a person's SQL, through the store's gate. */

import type { CommonFlags } from '../common-flags.js'
import { askStore } from '../open-store.js'
import { harmlessLines, type Output } from '../output.js'

export async function query(
  sql: string,
  flags: CommonFlags & { readonly format?: string; readonly json?: boolean },
  output: Output,
): Promise<void> {
  await askStore(flags, output, async (store) => {
    const format = flags.format ?? (flags.json === true ? 'JSONEachRow' : 'PrettyCompactMonoBlock')
    const text = (await store.userQuery(sql, format)).replace(/\n$/, '')
    const forPerson = output.interactive || (flags.format === undefined && flags.json !== true)
    if (text !== '') output.out(forPerson ? harmlessLines(text) : text)
    else output.note('no rows')
  })
}
