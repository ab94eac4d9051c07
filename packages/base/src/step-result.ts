/** What every pipeline step returns: go on with a value, drop the record for a counted reason, or set it aside. */

export type StepResult<Value> =
  | { readonly kind: 'ok'; readonly value: Value }
  | { readonly kind: 'drop'; readonly reason: string }
  | { readonly kind: 'dead-letter'; readonly reason: string; readonly detail: string }

export function ok<Value>(value: Value): StepResult<Value> {
  return { kind: 'ok', value }
}

/** Not worth going on with, and nobody's fault: `reason` is a metric label, so keep its vocabulary small. */
export function drop(reason: string): StepResult<never> {
  return { kind: 'drop', reason }
}

/** The record itself is wrong: it goes to the dead-letter topic. `detail` never holds values of the record. */
export function deadLetter(reason: string, detail: string): StepResult<never> {
  return { kind: 'dead-letter', reason, detail }
}
