/** Streams of HTTP/2, and what was called and answered by gRPC. */

import { database as db } from '@tapwarden/contracts/names'
import { addedColumnsSql } from '../transaction-columns.js'
import { transactionsView } from './0002-views.js'
import { webSocketViewColumns } from './0003-sampling-and-web-sockets.js'
import type { Migration } from './migration.js'

const id = '0005'

function messageCount(direction: 'c2s' | 's2c', column: string): string {
  return `  if(grpc = '', NULL, JSONExtractUInt(grpc, '${direction}', 'messageCount')) AS ${column}`
}

/** For the view: later migrations make it again, with what is here and what they add. NULL where there is no call, or no status. */
export const grpcViewColumns: readonly string[] = [
  "  JSONExtractString(grpc, 'service') AS grpc_service",
  "  JSONExtractString(grpc, 'method') AS grpc_method",
  "  if(JSONHas(grpc, 'status'), JSONExtractUInt(grpc, 'status'), NULL) AS grpc_status",
  messageCount('c2s', 'grpc_client_message_count'),
  messageCount('s2c', 'grpc_server_message_count'),
]

export const http2AndGrpc: Migration = {
  id,
  name: 'HTTP/2 and gRPC',
  statements: [
    `ALTER TABLE ${db}.http_transactions{{on_cluster}}\n  ${addedColumnsSql(id)}`,
    // A view has the columns that its table had when it was made.
    transactionsView([...webSocketViewColumns, ...grpcViewColumns]),
  ],
}
