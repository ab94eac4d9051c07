/** Of which content one in how many is looked at. */

import { database as db } from '@tapwarden/contracts/names'
import { addedColumnsSql } from '../transaction-columns.js'
import type { Migration } from './migration.js'

const id = '0003'

export const contentSampling: Migration = {
  id,
  name: 'content sampling',
  statements: [`ALTER TABLE ${db}.http_transactions{{on_cluster}}\n  ${addedColumnsSql(id)}`],
}
