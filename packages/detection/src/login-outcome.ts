/**
 * Did this login succeed? Learned per login endpoint from what clients do next, not configured.
 *
 * Answers fall into classes by what can be seen of them (status, names in the content, cookies set, redirect, size class). Each class
 * runs a sequential test between "success" and "failure":
 *
 *   prior      what HTTP says of the answer: 401 is a failure by RFC 9110 §15.5.2; a new JWT or a cookie hints at success
 *   + session  soon after, the same client uses a session or access token never seen before, and is served
 *   - retry    soon after, the same client tries the same account again
 *
 * Only what happened counts, never what did not: an attacker tries each account once and uses no session, and must not teach
 * that his failures are successes because nobody retried. One client adds to one class once an hour at most, for the same reason.
 * 5xx says nothing about the credentials; it has no class.
 */

import { BoundedMap } from '@tapwarden/base/bounded-map'
import { microsPerHour, microsPerMinute } from '@tapwarden/base/units'
import type { HttpTransaction } from '@tapwarden/contracts/transaction'
import { Sprt, waldThreshold } from './change-point.js'

export type LoginOutcome = 'success' | 'failure' | 'undecided' | 'none'

const classesMaxCount = 64
const clientsMaxCount = 16_384
const followUpUs = 2 * microsPerMinute
const oneLessonUs = microsPerHour
/** One class in a hundred may be learned wrong before more evidence corrects it. */
const decisionThreshold = waldThreshold(0.01, 0.01)
/** A served new session follows 9 of 10 successes and 1 of 10 failures (a NAT's other users, anonymous sessions). */
const sessionStep = Math.log(0.9 / 0.1)
/** A retry at the same account follows 2 of 3 mistypes and 1 of 20 successes. */
const retryStep = -Math.log(0.66 / 0.05)

interface AnswerClass {
  readonly key: string
  readonly test: Sprt
}

interface Pending {
  readonly answer: AnswerClass
  readonly userToken: string
  readonly atUs: number
}

export class LoginOutcomes {
  readonly #classes = new BoundedMap<string, AnswerClass>({ maxEntries: classesMaxCount, onFull: 'refuse-new' })
  readonly #pending = new BoundedMap<string, Pending>({ maxEntries: clientsMaxCount, onFull: 'evict-oldest' })
  readonly #lessons = new BoundedMap<string, number>({ maxEntries: clientsMaxCount, onFull: 'evict-oldest' })

  get overflowCount(): number {
    return this.#classes.overflowCount + this.#pending.overflowCount
  }

  /** Judges a login attempt and, while `learning`, remembers it for what comes next. */
  judge(attempt: HttpTransaction, userToken: string, learning: boolean): LoginOutcome {
    const client = clientKey(attempt)
    const pending = this.#pending.peek(client)
    if (pending !== undefined) {
      const elapsedUs = attempt.observedAtUs - pending.atUs
      if (learning && pending.userToken === userToken && elapsedUs >= 0 && elapsedUs <= followUpUs) {
        this.#learn(client, pending.answer, retryStep, attempt.observedAtUs)
      }
      this.#pending.delete(client)
    }
    if (attempt.status === undefined || attempt.status >= 500) return 'none'
    const answer = this.#classOf(attempt, attempt.status)
    if (answer === undefined) return 'undecided'
    if (learning) this.#pending.set(client, { answer, userToken, atUs: attempt.observedAtUs })
    const verdict = answer.test.verdict()
    if (verdict === undefined) return 'undecided'
    return verdict === 'alternative' ? 'success' : 'failure'
  }

  /** A served request with a session or access token that nobody used before. */
  observeNewSession(transaction: HttpTransaction): void {
    const client = clientKey(transaction)
    const pending = this.#pending.peek(client)
    if (pending === undefined) return
    const elapsedUs = transaction.observedAtUs - pending.atUs
    if (elapsedUs < 0) return
    if (elapsedUs <= followUpUs) this.#learn(client, pending.answer, sessionStep, transaction.observedAtUs)
    this.#pending.delete(client)
  }

  #learn(client: string, answer: AnswerClass, step: number, atUs: number): void {
    const lesson = `${client} ${answer.key}`
    const lastUs = this.#lessons.peek(lesson)
    if (lastUs !== undefined && atUs - lastUs < oneLessonUs) return
    this.#lessons.delete(lesson)
    this.#lessons.set(lesson, atUs)
    answer.test.observe(step)
  }

  /** Undefined when the endpoint answers in more ways than are kept. */
  #classOf(attempt: HttpTransaction, status: number): AnswerClass | undefined {
    const key = answerKey(attempt, status)
    const known = this.#classes.peek(key)
    if (known !== undefined) return known
    const answer = { key, test: new Sprt({ threshold: decisionThreshold, prior: priorOf(attempt, status) }) }
    return this.#classes.set(key, answer) ? answer : undefined
  }
}

/** A NAT's users share an address, seldom an address and a client program. */
function clientKey(transaction: HttpTransaction): string {
  return `${transaction.clientAddress} ${transaction.fingerprint}`
}

/** Sizes differ by what they hold (a name, a token), so a class spans a factor of two. */
function answerKey(attempt: HttpTransaction, status: number): string {
  const names = propertyNames(attempt.responseShape)
  const cookies = attempt.setCookieNames?.join(',') ?? ''
  const location = placeOf(attempt.responseFields?.['location'])
  // Content with names is told apart by them; without, the size is all there is.
  const sizeClass = names !== '' ? '' : Math.ceil(Math.log2((attempt.responseContentBytes ?? 0) + 1))
  return `${status}|${names}|${cookies}|${location}|${sizeClass}`
}

/** Where a redirect leads: form logins answer 302 to success and failure alike. Ids and query values would make a class of each user. */
function placeOf(location: string | undefined): string {
  if (location === undefined) return ''
  const queryIndex = location.indexOf('?')
  const path = (queryIndex < 0 ? location : location.slice(0, queryIndex)).replace(/[^/]*[0-9][^/]*/g, '#').slice(0, 64)
  return queryIndex < 0
    ? path
    : `${path}?${location
        .slice(queryIndex + 1)
        .replace(/=[^&]*/g, '')
        .slice(0, 64)}`
}

function propertyNames(shape: unknown): string {
  if (typeof shape !== 'object' || shape === null || Array.isArray(shape)) return ''
  return Object.keys(shape).sort().slice(0, 32).join(',')
}

/** Log-odds of success from the answer alone, before anyone's behaviour confirms it. */
function priorOf(attempt: HttpTransaction, status: number): number {
  if (status === 401) return -decisionThreshold - 1
  if (status === 403 || status === 400 || status === 422) return retryStep
  if (status >= 400) return retryStep / 2
  const names = propertyNames(attempt.responseShape).toLowerCase()
  let prior = 0
  if ((attempt.setCookieNames?.length ?? 0) > 0) prior += sessionStep
  if (/(?:^|,)[a-z_]*(?:token|jwt|session)[a-z_]*(?:,|$)/.test(names)) prior += 2 * sessionStep
  // RFC 6749 §5.2 and nearly everybody else name it so.
  if (/(?:^|,)errors?(?:_[a-z]+)?(?:,|$)/.test(names)) prior += retryStep
  return prior
}
