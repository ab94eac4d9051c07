/** `openapi HOST`: what was learned of a host, as one document on stdout. */

import { UserError } from '@tapwarden/runtime/user-error'
import { openApiOfHost } from '@tapwarden/service-catalog/catalog-queries'
import type { CommonFlags } from '../common-flags.js'
import { askStore } from '../open-store.js'
import { harmless, type Output } from '../output.js'

export async function openapi(host: string, flags: CommonFlags, output: Output): Promise<void> {
  await askStore(flags, output, async (store) => {
    const document = await openApiOfHost(store, host.toLowerCase())
    if (document === undefined) {
      const near = 'tapwarden endpoints lists what there is (a port is part of the host)'
      throw new UserError('noInput', `no endpoints of ${harmless(host)}: ${near}`)
    }
    output.out(JSON.stringify(document, undefined, 2))
  })
}
