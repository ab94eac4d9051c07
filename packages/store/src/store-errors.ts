/** The engine's and the network's failures as the port's two errors, by code. */

import { ClickHouseError } from '@clickhouse/client'
import { QueryRefused, StoreUnavailable } from './store.js'

/** ClickHouse exception codes that the same statement may overcome later: load, memory, disk, parts, replicas, network. */
const retryableCodes: ReadonlyMap<number, string> = new Map([
  [74, 'CANNOT_READ_FROM_FILE_DESCRIPTOR'],
  [75, 'CANNOT_WRITE_TO_FILE_DESCRIPTOR'],
  [76, 'CANNOT_OPEN_FILE'],
  [159, 'TIMEOUT_EXCEEDED'],
  [160, 'TOO_SLOW'],
  [198, 'DNS_ERROR'],
  [202, 'TOO_MANY_SIMULTANEOUS_QUERIES'],
  [203, 'NO_FREE_CONNECTION'],
  [209, 'SOCKET_TIMEOUT'],
  [210, 'NETWORK_ERROR'],
  [236, 'ABORTED'],
  [241, 'MEMORY_LIMIT_EXCEEDED'],
  [242, 'TABLE_IS_READ_ONLY'],
  [243, 'NOT_ENOUGH_SPACE'],
  [252, 'TOO_MANY_PARTS'],
  [279, 'ALL_CONNECTION_TRIES_FAILED'],
  [285, 'TOO_FEW_LIVE_REPLICAS'],
  [319, 'UNKNOWN_STATUS_OF_INSERT'],
  [394, 'QUERY_WAS_CANCELLED'],
  [439, 'CANNOT_SCHEDULE_TASK'],
  [999, 'KEEPER_EXCEPTION'],
])
/** The store is there and will not have us, whatever we ask. */
const rejectedCodes: ReadonlySet<number> = new Set([192, 193, 194, 516])

export function classified(operation: string, error: unknown): StoreUnavailable | QueryRefused {
  if (error instanceof StoreUnavailable || error instanceof QueryRefused) return error
  if (error instanceof ClickHouseError) {
    const code = Number(error.code)
    const name = retryableCodes.get(code)
    if (name !== undefined) return new StoreUnavailable(operation, { code: name, cause: error, retryable: true })
    if (rejectedCodes.has(code)) {
      return new StoreUnavailable(operation, { code: error.type ?? error.code, cause: error, retryable: false })
    }
    return new QueryRefused(error.message, { code: error.code, cause: error })
  }
  // What the client throws without a code is its own time-out; everything else from there on is the socket's.
  const code = (error as NodeJS.ErrnoException).code ?? 'TIMEOUT'
  return new StoreUnavailable(operation, { code, cause: error, retryable: true })
}
