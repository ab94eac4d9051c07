/** Which tunnels packets came through, and the number of their virtual network. */

import { database as db } from '@tapwarden/contracts/names'
import { addedColumnsSql } from '../transaction-columns.js'
import { transactionsView } from './0002-views.js'
import { webSocketViewColumns } from './0003-sampling-and-web-sockets.js'
import type { Migration } from './migration.js'

const id = '0004'

export const tunnels: Migration = {
  id,
  name: 'tunnels and virtual networks',
  statements: [
    `ALTER TABLE ${db}.http_transactions{{on_cluster}}\n  ${addedColumnsSql(id)}`,
    // A view has the columns that its table had when it was made.
    transactionsView(webSocketViewColumns),
  ],
}
