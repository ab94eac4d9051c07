/**
 * The sensor of a replay, in a thread of its own: reading, redaction and encoding cost what catalog and detector cost together.
 * The entry of that thread, started by captures-in-thread.ts: wiring of read-captures.ts (what is read) and thread-bus.ts (where it goes).
 */

import { parentPort, workerData } from 'node:worker_threads'
import { assert } from '@tapwarden/base/assert'
import type { LogFields, Logger } from '@tapwarden/runtime/logger'
import { openRedactor } from '../sensor.js'
import type { CaptureThreadStart, FromCaptureThread, ToCaptureThread } from './capture-thread-messages.js'
import { readCaptures } from './read-captures.js'
import { ThreadBus } from './thread-bus.js'

assert(parentPort !== null, 'this module is the entry of a thread')
const port = parentPort
const say = (message: FromCaptureThread): void => port.postMessage(message)

/** Lines are written by one thread. */
function loggerWith(bindings: LogFields): Logger {
  const log =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (fields: LogFields, message: string): void =>
      say({ kind: 'log', level, fields: { ...bindings, ...fields }, message })
  return {
    debug: log('debug'),
    info: log('info'),
    warn: log('warn'),
    error: log('error'),
    child: (more) => loggerWith({ ...bindings, ...more }),
  }
}

const { files, separate, speed, config, keyFile } = workerData as CaptureThreadStart
const bus = new ThreadBus(port)
const stopping = new AbortController()
port.on('message', (message: ToCaptureThread) => {
  if (message.kind === 'taken') bus.taken(message.bytes)
  else if (message.kind === 'refused') bus.refused(message.reason)
  else stopping.abort()
})
const read = await readCaptures({
  files,
  separate,
  speed,
  bus,
  redactor: await openRedactor(config, keyFile),
  config: config.capture,
  logger: loggerWith({}),
  signal: stopping.signal,
  onProgress: (progress) => say({ kind: 'progress', progress }),
})
await bus.drained()
say({ kind: 'ended', read })
port.close()
