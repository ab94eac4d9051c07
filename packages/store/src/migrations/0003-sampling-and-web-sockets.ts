/** Of which content one in how many is looked at, and what was spoken behind WebSocket handshakes. */

import { database as db } from '@tapwarden/contracts/names'
import { addedColumnsSql } from '../transaction-columns.js'
import { transactionsView } from './0002-views.js'
import type { Migration } from './migration.js'

const id = '0003'

/** Messages one way; NULL for what is no WebSocket. */
function messageCount(direction: 'c2s' | 's2c', column: string): string {
  const [texts, binaries] = ['textMessageCount', 'binaryMessageCount'].map(
    (name) => `JSONExtractUInt(web_socket, '${direction}', '${name}')`,
  )
  return `  if(web_socket = '', NULL, ${texts} + ${binaries}) AS ${column}`
}

/** For the view: later migrations make it again, with what is here and what they add. */
export const webSocketViewColumns: readonly string[] = [
  messageCount('c2s', 'web_socket_client_message_count'),
  messageCount('s2c', 'web_socket_server_message_count'),
]

export const samplingAndWebSockets: Migration = {
  id,
  name: 'content sampling and WebSockets',
  statements: [
    `ALTER TABLE ${db}.http_transactions{{on_cluster}}\n  ${addedColumnsSql(id)}`,
    // A view has the columns that its table had when it was made.
    transactionsView(webSocketViewColumns),
  ],
}
