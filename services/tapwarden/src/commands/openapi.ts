/** `openapi HOST`: what was learned of a host, as one document on stdout. */

import { UserError } from '@tapwarden/runtime/user-error'
import { openApiOfHost } from '@tapwarden/service-catalog/catalog-queries'
import type { CommonFlags } from '../common-flags.js'
import { pastable } from '../hints.js'
import { askStore } from '../open-store.js'
import { harmless, type Output } from '../output.js'

export async function openapi(host: string, flags: CommonFlags, output: Output): Promise<void> {
  await askStore(flags, output, async (store) => {
    const document = await openApiOfHost(store, host.toLowerCase())
    if (document === undefined) {
      const near = `a port is part of the host; what there is: ${pastable(flags, 'endpoints')}`
      throw new UserError('noInput', `no endpoints of ${harmless(host)}: ${near}`)
    }
    output.out(JSON.stringify(document, undefined, 2))
  })
}
