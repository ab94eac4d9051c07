/** For how many transactions the published ones of an interval stand, and how the sensor was. */

import { database as db } from '@tapwarden/contracts/names'
import { view } from './0002-views.js'
import type { Migration } from './migration.js'

export const overload: Migration = {
  id: '0007',
  name: 'overload',
  statements: [
    `ALTER TABLE ${db}.sensor_intervals{{on_cluster}}
  ADD COLUMN IF NOT EXISTS sampled_out_count UInt64 AFTER shed_count,
  ADD COLUMN IF NOT EXISTS overload_state LowCardinality(String) DEFAULT 'calm' AFTER sampled_out_count`,
    // A view has the columns that its table had when it was made.
    view('v_sensor_intervals', `SELECT * FROM ${db}.sensor_intervals FINAL`),
  ],
}
