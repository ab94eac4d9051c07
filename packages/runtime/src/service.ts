/** What every running service is to whoever started it. */

export interface RunningService {
  readonly name: string
  /** Rejects when the service cannot go on; whoever supervises it ends the process. Never resolves. */
  readonly failed: Promise<never>
  /** Intake first, then effects, then offsets. Resolves when nothing of it runs any more. */
  stop(): Promise<void>
}
