/** Assertions: the one way to say "this is our bug". Never reachable from wire bytes (STYLE: three kinds of failure). */

/**
 * A broken invariant of ours. Nothing catches it: the process stops, offsets stay uncommitted. But for the sensor: there it costs the connection
 * in which it is met, and is told (services/capture, guarded-flow.ts).
 */
export class AssertionFailed extends Error {
  override readonly name = 'AssertionFailed'
}

/** Throws `AssertionFailed` when `condition` is false. `why` states the invariant, not the symptom. */
export function assert(condition: boolean, why: string): asserts condition {
  if (!condition) throw new AssertionFailed(why)
}

/** For the `default` of an exhaustive switch: does not compile while a case is missing. */
export function unreachable(value: never, why: string): never {
  throw new AssertionFailed(`${why}: ${String(value)}`)
}
