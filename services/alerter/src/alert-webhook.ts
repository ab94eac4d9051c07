/**
 * Alerts to a webhook: POST of NDJSON, one alert a line, signed (`runtime/signed-webhook.ts`).
 *
 * 2xx is delivered; 408, 425, 429, 5xx and no answer are tried again by whoever calls; other answers are final. `x-tapwarden-delivery`
 * derives from the ids in the body: the same lines, the same delivery. A receiver that wants each alert once drops ids that it has.
 */

import { createHash } from 'node:crypto'
import type { Alert } from '@tapwarden/contracts/alert'
import { UnrecoverableJobError } from '@tapwarden/jobs/jobs'
import { signatureFieldName, signWebhook } from '@tapwarden/runtime/signed-webhook'
import type { Timers } from '@tapwarden/runtime/timers'
import { type AlertSink, linesOf } from './alert-file.js'

export const deliveryFieldName = 'x-tapwarden-delivery'

export interface AlertWebhookOptions {
  readonly url: string
  readonly secret: string
  readonly timeoutMs: number
  readonly timers: Timers
}

export class AlertWebhook implements AlertSink {
  readonly #options: AlertWebhookOptions
  readonly #abort = new AbortController()

  constructor(options: AlertWebhookOptions) {
    this.#options = options
  }

  async deliver(alerts: readonly Alert[]): Promise<void> {
    const { url, secret, timeoutMs, timers } = this.#options
    const body = Buffer.from(linesOf(alerts))
    const response = await fetch(url, {
      method: 'POST',
      body,
      // An alert goes where it was told to go, and a redirected POST would arrive without its content.
      redirect: 'manual',
      signal: AbortSignal.any([this.#abort.signal, AbortSignal.timeout(timeoutMs)]),
      headers: {
        'content-type': 'application/x-ndjson',
        [signatureFieldName]: signWebhook(secret, body, timers.nowMs()),
        [deliveryFieldName]: deliveryId(alerts),
      },
    })
    await response.body?.cancel()
    if (response.ok) return
    const fault = `the webhook answered ${response.status}`
    const canPass = response.status >= 500 || [408, 425, 429].includes(response.status)
    throw canPass ? new Error(fault) : new UnrecoverableJobError(fault)
  }

  async close(): Promise<void> {
    this.#abort.abort()
  }
}

export function deliveryId(alerts: readonly Alert[]): string {
  const ids = alerts.map((alert) => alert.id).sort()
  return createHash('sha256').update(ids.join('\n')).digest('hex').slice(0, 32)
}
