/** What a store holds, as lines to compare: whatever a second store of the same traffic must hold as well, however it came about. */

import { silentLogger } from '@tapwarden/runtime/logger'
import { startEngine } from '@tapwarden/store/embedded/engine'
import { type HttpStore, openStore } from '@tapwarden/store/http-store'

/** Part → its lines, in a fixed order. */
export type StorePicture = Readonly<Record<string, readonly string[]>>

const sums = `sum(transaction_count), sum(weighted_count), sum(unanswered_count), sum(status_1xx_count), sum(status_2xx_count),
  sum(status_3xx_count), sum(status_4xx_count), sum(status_5xx_count), sum(request_content_bytes), sum(response_content_bytes),
  sum(missed_bytes), uniqCombinedMerge(12)(clients), uniqCombinedMerge(12)(access_tokens)`

/** One line a row: a tuple of everything selected. */
const parts: Readonly<Record<string, string>> = {
  transactions: 'SELECT (count(), uniqExact(id)) AS row FROM http_transactions',
  'what transactions say':
    'SELECT (count(), sum(cityHash64(*))) AS row FROM (SELECT * EXCEPT (ingested_at, batch_token, endpoint_id) FROM http_transactions)',
  'endpoints of transactions': 'SELECT (endpoint_id, count()) AS row FROM v_transactions GROUP BY endpoint_id',
  'minutes, as stored': `SELECT (minute, host, method, ${sums}) AS row FROM endpoints_by_minute GROUP BY minute, host, method`,
  'hours, as stored': `SELECT (hour, host, method, ${sums}) AS row FROM endpoints_by_hour GROUP BY hour, host, method`,
  'minutes of endpoints': 'SELECT tuple(* EXCEPT duration_us_p50_p90_p99) AS row FROM v_endpoints_by_minute',
  'hours of endpoints': 'SELECT tuple(* EXCEPT duration_us_p50_p90_p99) AS row FROM v_endpoints_by_hour',
  endpoints: 'SELECT tuple(* EXCEPT (version, sensitive)) AS row FROM v_endpoints',
  'sensitive fields': 'SELECT (id, sensitive) AS row FROM v_endpoints',
  schemas: 'SELECT tuple(* EXCEPT (version, updated_at)) AS row FROM v_endpoint_schemas',
  findings: 'SELECT (id, detector_id, threat, title, subject_kind, endpoint_id, state) AS row FROM v_findings',
  'actors of findings': 'SELECT (id, arrayJoin(actors)) AS row FROM v_findings',
  'one row a finding': 'SELECT (count(), uniqExact(id)) AS row FROM v_findings',
  decisions: 'SELECT (id, finding_id, scope, value, type, simulated) AS row FROM v_decisions',
}

/** Starts the engine on the folder, looks, and stops it. */
export async function storePicture(storeFolder: string): Promise<StorePicture> {
  const engine = await startEngine({ storeDir: storeFolder, logger: silentLogger })
  const store = openStore(engine)
  try {
    return await pictureOf(store)
  } finally {
    await store.close()
    await engine.stop()
  }
}

export async function pictureOf(store: HttpStore): Promise<StorePicture> {
  const picture: Record<string, string[]> = {}
  for (const [name, sql] of Object.entries(parts)) {
    const rows = await store.query<{ line: string }>(`SELECT toString(row) AS line FROM (${sql}) ORDER BY line`)
    picture[name] = rows.map(({ line }) => line)
  }
  return picture
}

/** One line a difference, at most `maxCount` a part; empty when both hold the same. */
export function differences(expected: StorePicture, actual: StorePicture, maxCount = 3): string[] {
  return Object.entries(expected).flatMap(([name, lines]) => {
    const [wanted, found] = [new Set(lines), new Set(actual[name])]
    const missing = lines.filter((line) => !found.has(line))
    const surplus = (actual[name] ?? []).filter((line) => !wanted.has(line))
    return [
      ...missing.slice(0, maxCount).map((line) => `${name}: missing (1 of ${missing.length}) ${line}`),
      ...surplus.slice(0, maxCount).map((line) => `${name}: surplus (1 of ${surplus.length}) ${line}`),
    ]
  })
}
