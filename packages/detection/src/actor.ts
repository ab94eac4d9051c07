/** Transaction → actor keys: whom we attribute it to. A fact about the record; whether anyone is acted on is decided elsewhere. */

import type { Actor, ActorKind } from '@tapwarden/contracts/finding'
import type { HttpTransaction } from '@tapwarden/contracts/transaction'

type Attributable = Pick<
  HttpTransaction,
  'clientAddress' | 'sessionToken' | 'accessToken' | 'accountToken' | 'fingerprint'
>

/**
 * Every actor key that the transaction carries, narrowest first. The account is the authenticated one: a user name that somebody
 * merely typed (`loginUserToken`) names the victim of an attack as often as its author, so it is no actor.
 */
export function actorsOf(transaction: Attributable): Actor[] {
  const actors: Actor[] = []
  if (transaction.sessionToken !== undefined) actors.push({ kind: 'session', value: transaction.sessionToken })
  if (transaction.accessToken !== undefined) actors.push({ kind: 'access-token', value: transaction.accessToken })
  if (transaction.accountToken !== undefined) actors.push({ kind: 'account', value: transaction.accountToken })
  actors.push({ kind: 'address', value: transaction.clientAddress })
  actors.push({ kind: 'fingerprint', value: transaction.fingerprint })
  return actors
}

/** One string per actor, for maps and sets. Values contain no space. */
export function actorKey(kind: ActorKind, value: string): string {
  return `${kind} ${value}`
}
