/** Finding or decision → alert: what people read first. Pure. */

import type { Alert } from '@tapwarden/contracts/alert'
import type { Decision } from '@tapwarden/contracts/decision'
import type { Finding } from '@tapwarden/contracts/finding'

export function alertOfFinding(finding: Finding): Alert {
  const { id, severity, title, summary } = finding
  return { id, kind: 'finding', severity, title, summary, finding }
}

/** A decision that no enforcer took is an alert of its own, more severe than one that was taken; its id says so. */
export function alertOfDecision(decision: Decision): Alert {
  const isFailed = decision.state === 'failed'
  return {
    id: isFailed ? `${decision.id}.failed` : decision.id,
    kind: 'decision',
    severity: isFailed ? 'high' : 'informational',
    title: isFailed ? `Not enforced: ${titleOf(decision)}` : titleOf(decision),
    summary: decision.reason,
    decision,
  }
}

function titleOf(decision: Decision): string {
  const { host, method, pathTemplate } = decision.where
  const place = [method, `${host ?? ''}${pathTemplate ?? ''}`]
    .filter((part) => part !== undefined && part !== '')
    .join(' ')
  const prefix = decision.simulated ? 'Simulated: ' : ''
  const until = new Date(decision.untilMs).toISOString()
  return `${prefix}${decision.type} ${decision.scope} ${decision.value} at ${place === '' ? 'any place' : place} until ${until}`
}
