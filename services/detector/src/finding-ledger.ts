/**
 * Which findings are said already, so that a restart neither repeats nor renames one.
 *
 * A restart rebuilds detectors from a bounded past, and what they then conclude may differ in its beginning from what was published:
 * a finding that overlaps a stored one of the same detector, endpoint and actor is that one. It keeps the stored id, and its versions go on
 * from the stored version.
 */

import { BoundedMap } from '@tapwarden/base/bounded-map'
import type { Finding } from '@tapwarden/contracts/finding'

const findingsMaxCount = 20_000

/** What the ledger needs to know of a stored finding. */
export interface StoredFinding {
  readonly id: string
  readonly version: number
  readonly detectorId: string
  readonly endpointId: string
  /** Of a finding about one actor; empty for a campaign. */
  readonly actorValue: string
  /** Every actor that it names. */
  readonly actorValues: readonly string[]
  readonly firstSeenUs: number
  readonly lastSeenUs: number
}

interface Entry {
  readonly storedId: string
  readonly storedActors: ReadonlySet<string>
  storedVersion: number
  /** Added to the versions of this run; undefined while restoring. */
  offset: number | undefined
  restoredVersion: number
}

export class FindingLedger {
  readonly #stored = new Map<string, StoredFinding[]>()
  /** Newest conclusion of the restore of each finding that was never published, or not with all its actors. */
  readonly #unpublished = new Map<string, Finding>()
  readonly #entries = new BoundedMap<string, Entry>({ maxEntries: findingsMaxCount, onFull: 'evict-oldest' })

  constructor(stored: readonly StoredFinding[]) {
    for (const finding of stored) {
      const key = subjectKey(finding.detectorId, finding.endpointId, finding.actorValue)
      const others = this.#stored.get(key)
      if (others === undefined) this.#stored.set(key, [finding])
      else others.push(finding)
    }
  }

  /** A conclusion about the past. */
  restore(finding: Finding): void {
    const entry = this.#entryOf(finding)
    entry.restoredVersion = finding.version
    // Published is what is stored, and the last process may have ended before it stored an update. Versions do not tell:
    // live, the same traffic comes in a slightly other order and is told in more or fewer of them.
    const isNews = finding.subject.actors.some(({ value }) => !entry.storedActors.has(value))
    if (isNews || entry.storedVersion === 0) this.#unpublished.set(finding.id, finding)
  }

  /** What the past shows and nobody was told, in time order. Ends the restore. */
  unpublished(): Finding[] {
    const findings = [...this.#unpublished.values()].sort((a, b) => a.detectedAtUs - b.detectedAtUs)
    this.#unpublished.clear()
    return findings.map((finding) => {
      const entry = this.#entryOf(finding)
      if (entry.storedVersion === 0) return finding
      entry.storedVersion = Math.max(entry.storedVersion + 1, finding.version)
      return { ...finding, id: entry.storedId, version: entry.storedVersion }
    })
  }

  /** The finding as it is to be published. */
  publishable(finding: Finding): Finding {
    const entry = this.#entryOf(finding)
    entry.offset ??= Math.max(0, entry.storedVersion - entry.restoredVersion)
    if (entry.offset === 0 && entry.storedId === finding.id) return finding
    return { ...finding, id: entry.storedId, version: finding.version + entry.offset }
  }

  #entryOf(finding: Finding): Entry {
    const known = this.#entries.peek(finding.id)
    if (known !== undefined) return known
    const stored = this.#storedLike(finding)
    const entry: Entry = {
      storedId: stored?.id ?? finding.id,
      storedActors: new Set(stored?.actorValues),
      storedVersion: stored?.version ?? 0,
      offset: undefined,
      restoredVersion: 0,
    }
    this.#entries.set(finding.id, entry)
    return entry
  }

  #storedLike(finding: Finding): StoredFinding | undefined {
    const { subject, detector } = finding
    const others = this.#stored.get(subjectKey(detector.id, subject.endpoint?.id ?? '', actorValueOf(finding)))
    if (others === undefined) return undefined
    const same = others.find(({ id }) => id === finding.id)
    if (same !== undefined) return same
    return others.find((other) => other.firstSeenUs <= finding.lastSeenUs && other.lastSeenUs >= finding.firstSeenUs)
  }
}

/** The actor that makes a finding one of its own; a campaign's actors come and go. */
export function actorValueOf(finding: Pick<Finding, 'subject'>): string {
  return finding.subject.kind === 'actor' ? (finding.subject.actors[0]?.value ?? '') : ''
}

function subjectKey(detectorId: string, endpointId: string, actorValue: string): string {
  return `${detectorId} ${endpointId} ${actorValue}`
}
