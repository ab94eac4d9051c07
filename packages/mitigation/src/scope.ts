/** Which transactions a decision is about: the actor it names, at the place it holds. */

import type { Decision } from '@tapwarden/contracts/decision'
import { placeHolds } from '@tapwarden/contracts/decision-place'
import type { Actor, ActorKind } from '@tapwarden/contracts/finding'
import type { HttpTransaction } from '@tapwarden/contracts/transaction'
import { addressHolds } from './address.js'

/** Every actor that this transaction can be attributed to. */
export function actorsOf(transaction: HttpTransaction): Actor[] {
  const actors: Actor[] = [{ kind: 'address', value: transaction.clientAddress }]
  for (const kind of ['session', 'access-token', 'account', 'fingerprint'] as const) {
    const value = actorValue(transaction, kind)
    if (value !== undefined) actors.push({ kind, value })
  }
  return actors
}

export function inScope(decision: Decision, transaction: HttpTransaction): boolean {
  const value = actorValue(transaction, decision.scope)
  if (value === undefined) return false
  const isActor = decision.scope === 'address' ? addressHolds(decision.value, value) : decision.value === value
  return isActor && placeHolds(decision.where, transaction)
}

function actorValue(transaction: HttpTransaction, kind: ActorKind): string | undefined {
  switch (kind) {
    case 'address':
      return transaction.clientAddress
    case 'session':
      return transaction.sessionToken
    case 'access-token':
      return transaction.accessToken
    case 'account':
      return transaction.accountToken ?? transaction.loginUserToken
    case 'fingerprint':
      return transaction.fingerprint
  }
}
