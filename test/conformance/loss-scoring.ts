/**
 * How well transactions survive what a capture loses: each one found is held against what truly was sent, by its URI alone, which is
 * unique in such captures. Undamaged transactions must be right in every field and byte; damaged ones must contradict nothing.
 */

import { crc32 } from 'node:zlib'
import type { RawMessage, RawTransaction } from '@tapwarden/http/raw-transaction'
import type { FlowInfo } from '@tapwarden/net/flow-table'
import { lineOf, type TransactionLine } from './transaction-lines.js'

/** A line of a truth file (see the README.md beside the generator of such captures). Null: none, or no longer in the capture. */
export interface TrueTransaction extends Omit<TransactionLine, 'anomalies'> {
  /** Of the decoded content; null without any. */
  readonly req_crc32: number | null
  readonly resp_crc32: number | null
  /** What of it the capture lacks: `req_head`, `req_body`, `resp_head`, `resp_body`. Absent: nothing. */
  readonly _lost?: readonly string[]
}

export interface LossScore {
  readonly undamagedCount: number
  readonly rightCount: number
  /** Undamaged, reported once, and something differs; the fields that do. */
  readonly wrong: readonly { readonly uri: string; readonly fields: readonly string[] }[]
  readonly missing: readonly string[]
  readonly duplicateCount: number
  /** A response that was not the answer to its request, damaged or not. */
  readonly wrongPairs: readonly string[]
  readonly damagedCount: number
  /** Those whose request's head is in the capture: only they can be told apart. */
  readonly damagedKnowableCount: number
  readonly damagedReportedCount: number
  /** … which say that bytes are missing, or that no response was seen. */
  readonly damagedFlaggedCount: number
  /** Damaged, and a field says something else than was sent. */
  readonly contradictions: readonly { readonly uri: string; readonly fields: readonly string[] }[]
  /** Reported with a URI that nobody asked for. */
  readonly unknown: readonly string[]
}

const comparedFields = [
  'conn',
  'method',
  'host',
  'req_version',
  'status',
  'req_body_len',
  'resp_body_len',
  'user_agent',
  'req_content_type',
  'resp_content_type',
  'req_crc32',
  'resp_crc32',
] as const
const responseFields: readonly string[] = ['status', 'resp_body_len', 'resp_content_type', 'resp_crc32']

interface Found {
  readonly differing: readonly string[]
  readonly isFlagged: boolean
}

export class LossScorer {
  readonly #truths = new Map<string, TrueTransaction>()
  readonly #found = new Map<string, Found[]>()
  readonly #unknown: string[] = []

  constructor(truths: Iterable<TrueTransaction>) {
    for (const truth of truths) this.#truths.set(truth.uri, truth)
  }

  /** For a `TransactionReader`; keeps nothing of what it is handed. */
  readonly onTransaction = (flow: FlowInfo, transaction: RawTransaction): void => {
    const { request, response } = transaction
    const truth = this.#truths.get(request.target)
    if (truth === undefined) {
      this.#unknown.push(request.target)
      return
    }
    const line = {
      ...lineOf(flow, transaction),
      req_crc32: checksumOf(request),
      resp_crc32: response === undefined ? null : checksumOf(response),
    }
    // What the capture lacks is null in the truth: who knows it nevertheless has it from another transaction. Of damaged ones it is
    // right to know less.
    const isDamaged = truth._lost !== undefined
    const differing = comparedFields.filter((name) => line[name] !== truth[name] && !(isDamaged && line[name] === null))
    const isFlagged = transaction.missedBytes > 0 || response === undefined
    const found = this.#found.get(truth.uri)
    if (found === undefined) this.#found.set(truth.uri, [{ differing, isFlagged }])
    else found.push({ differing, isFlagged })
  }

  score(): LossScore {
    const truths = [...this.#truths.values()]
    const undamaged = truths.filter((truth) => truth._lost === undefined)
    const damaged = truths.filter((truth) => truth._lost !== undefined)
    const of = ({ uri }: TrueTransaction): readonly Found[] => this.#found.get(uri) ?? []
    const differing = (among: readonly TrueTransaction[]) =>
      among.flatMap((truth) => {
        const fields = [...new Set(of(truth).flatMap((found) => found.differing))]
        return fields.length === 0 ? [] : [{ uri: truth.uri, fields }]
      })
    const [wrong, contradictions] = [differing(undamaged), differing(damaged)]
    return {
      undamagedCount: undamaged.length,
      rightCount: undamaged.filter((truth) => of(truth).length === 1 && of(truth)[0]?.differing.length === 0).length,
      wrong,
      missing: undamaged.filter((truth) => of(truth).length === 0).map(({ uri }) => uri),
      duplicateCount: truths.filter((truth) => of(truth).length > 1).length,
      wrongPairs: [...wrong, ...contradictions]
        .filter(({ fields }) => fields.some((name) => responseFields.includes(name)))
        .map(({ uri }) => uri),
      damagedCount: damaged.length,
      damagedKnowableCount: damaged.filter((truth) => truth._lost?.includes('req_head') === false).length,
      damagedReportedCount: damaged.filter((truth) => of(truth).length > 0).length,
      damagedFlaggedCount: damaged.filter((truth) => of(truth).some(({ isFlagged }) => isFlagged)).length,
      contradictions,
      unknown: this.#unknown,
    }
  }
}

/** CRC-32 of the content; null without any, and when we do not claim to have it whole. */
function checksumOf(message: RawMessage): number | null {
  const isWhole = message.contentBytes === message.content.length && !message.contentTruncated
  return isWhole && message.content.length > 0 ? crc32(message.content) : null
}

/** The score as people read it. */
export function scoreText(score: LossScore): string {
  const percent = score.undamagedCount === 0 ? 100 : (100 * score.rightCount) / score.undamagedCount
  const sample = (uris: readonly string[]) => uris.slice(0, 5).map((uri) => `      ${uri}`)
  const listed = (each: LossScore['wrong']) => sample(each.map(({ uri, fields }) => `${uri}: ${fields.join(', ')}`))
  return [
    `undamaged   ${score.undamagedCount}: right ${score.rightCount} (${percent.toFixed(4)} %), wrong ${score.wrong.length}, missing ${score.missing.length}`,
    ...listed(score.wrong),
    ...sample(score.missing),
    `wrong pairs ${score.wrongPairs.length}, duplicates ${score.duplicateCount}, unknown URIs ${score.unknown.length}`,
    ...sample([...score.wrongPairs, ...score.unknown]),
    `damaged     ${score.damagedCount}: request's head captured ${score.damagedKnowableCount}, reported ${score.damagedReportedCount}, with their gaps ${score.damagedFlaggedCount}, contradicting the truth ${score.contradictions.length}`,
    ...listed(score.contradictions),
    '',
  ].join('\n')
}

/** What an issue-free sensor must reach: 99.99 % of the undamaged right, no wrong pair, nothing made up. */
export function isGoodEnough(score: LossScore): boolean {
  return (
    score.rightCount >= 0.9999 * score.undamagedCount &&
    score.wrongPairs.length + score.contradictions.length + score.duplicateCount === 0
  )
}
