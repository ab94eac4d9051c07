/** What is known of the TLS connection that a transaction was decrypted from. */

import { database as db } from '@tapwarden/contracts/names'
import { addedColumnsSql } from '../transaction-columns.js'
import { transactionsView } from './0002-views.js'
import { webSocketViewColumns } from './0003-sampling-and-web-sockets.js'
import { grpcViewColumns } from './0005-http2-and-grpc.js'
import type { Migration } from './migration.js'

const id = '0006'

export const tls: Migration = {
  id,
  name: 'TLS',
  statements: [
    `ALTER TABLE ${db}.http_transactions{{on_cluster}}\n  ${addedColumnsSql(id)}`,
    // A view has the columns that its table had when it was made.
    transactionsView([...webSocketViewColumns, ...grpcViewColumns]),
  ],
}
