/**
 * Gathers alerts that are ready at the same moment into one delivery, so that 200 decisions of one finding are a few posts, not 200.
 * Each caller is told about its own alert; while one delivery is under way, the next gathers.
 */

import type { Alert } from '@tapwarden/contracts/alert'
import { UnrecoverableJobError } from '@tapwarden/jobs/jobs'
import type { AlertSink } from './alert-file.js'

const alertsMaxCount = 100

interface Waiting {
  readonly alert: Alert
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

export class Gathering {
  readonly #sink: AlertSink
  #waiting: Waiting[] = []
  #running = false

  constructor(sink: AlertSink) {
    this.#sink = sink
  }

  deliver(alert: Alert): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ alert, resolve, reject })
      if (!this.#running) void this.#run()
    })
  }

  async #run(): Promise<void> {
    this.#running = true
    while (this.#waiting.length > 0) {
      // One turn of the event loop for others to join.
      await new Promise<void>((resolve) => setImmediate(resolve))
      await this.#deliverGroup(this.#waiting.splice(0, alertsMaxCount))
    }
    this.#running = false
  }

  async #deliverGroup(group: readonly Waiting[]): Promise<void> {
    try {
      await this.#sink.deliver(group.map((each) => each.alert))
      for (const each of group) each.resolve()
    } catch (error) {
      // Refused for good: perhaps for one alert in it, or for its size. Each alone, so that one does not cost the others.
      if (error instanceof UnrecoverableJobError && group.length > 1) {
        for (const each of group) await this.#deliverGroup([each])
      } else {
        for (const each of group) each.reject(error)
      }
    }
  }
}
