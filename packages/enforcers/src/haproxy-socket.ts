/**
 * HAProxy's runtime API, one command line at a time: connect, send, read to the end. One connection is open at a time (HAProxy allows ten),
 * and edits that wait for it travel together on one line.
 */

import { connect, type NetConnectOpts, type Socket } from 'node:net'
import { EnforcerUnavailable } from './enforcer.js'

const lineMaxBytes = 8_192 // Half of HAProxy's default buffer.
const replyMaxBytes = 256 * 1_048_576

export interface HaproxySocketOptions {
  readonly enforcer: string
  /** Path of the unix socket, or `host:port`. */
  readonly socket: string
  readonly timeoutMs: number
}

interface Edit {
  readonly line: string
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

export class HaproxySocket {
  readonly #options: HaproxySocketOptions
  #last: Promise<unknown> = Promise.resolve()
  #edits: Edit[] = []

  constructor(options: HaproxySocketOptions) {
    this.#options = options
  }

  /** The reply to a command that asks. */
  ask(line: string): Promise<string> {
    const reply = this.#last.then(() => this.#exchange(line))
    this.#last = reply.catch(() => {})
    return reply
  }

  /** Commands (joined by `;`) that answer nothing when all is well, but for a deletion of what is not there. */
  edit(line: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#edits.push({ line, resolve, reject })
      if (this.#edits.length === 1) this.#last = this.#last.then(() => this.#flush())
    })
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    await this.#last
  }

  async #flush(): Promise<void> {
    while (this.#edits.length > 0) {
      const group = takeGroup(this.#edits)
      try {
        const fault = editFault(await this.#exchange(group.map((edit) => edit.line).join(';')))
        // Who of them was refused? Each again, alone: edits can be repeated.
        if (fault !== undefined && group.length > 1) await this.#oneByOne(group)
        else if (fault !== undefined) group[0]?.reject(this.#refused(fault))
        else for (const edit of group) edit.resolve()
      } catch (error) {
        for (const edit of group) edit.reject(error)
      }
    }
  }

  async #oneByOne(group: readonly Edit[]): Promise<void> {
    for (const edit of group) {
      const fault = editFault(await this.#exchange(edit.line))
      if (fault === undefined) edit.resolve()
      else edit.reject(this.#refused(fault))
    }
  }

  #refused(reply: string): EnforcerUnavailable {
    return new EnforcerUnavailable(this.#options.enforcer, `HAProxy says: ${reply.slice(0, 200)}`, { retryable: false })
  }

  #exchange(line: string): Promise<string> {
    const { enforcer, socket: where, timeoutMs } = this.#options
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = []
      let bytes = 0
      const socket: Socket = connect(connectOptions(where))
      const fail = (cause: unknown): void => {
        socket.destroy()
        reject(new EnforcerUnavailable(enforcer, 'runtime API', { cause, retryable: true }))
      }
      socket.setTimeout(timeoutMs, () => fail(new Error(`no answer within ${timeoutMs} ms`)))
      socket.on('error', fail)
      socket.on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        bytes += chunk.length
        if (bytes > replyMaxBytes) fail(new Error('the reply is too long'))
      })
      socket.on('end', () => {
        const reply = Buffer.concat(chunks).toString('utf8')
        // HAProxy closes without a word when it is stopping; a reply, also an empty one, ends with an empty line.
        if (reply.endsWith('\n')) resolve(reply)
        else fail(new Error('the connection ended before the reply did'))
      })
      socket.write(`${line}\n`)
    })
  }
}

function connectOptions(where: string): NetConnectOpts {
  const tcp = /^(.+):(\d+)$/.exec(where)
  if (where.startsWith('/') || tcp === null) return { path: where }
  return { host: String(tcp[1]).replace(/^\[|\]$/g, ''), port: Number(tcp[2]) }
}

/** As many from the front as one line takes, at least one. */
function takeGroup(edits: Edit[]): Edit[] {
  let bytes = 0
  let count = 0
  for (const edit of edits) {
    bytes += edit.line.length + 1
    if (count > 0 && bytes > lineMaxBytes) break
    count++
  }
  return edits.splice(0, count)
}

/** What HAProxy complains about, in its words; undefined when it does not. */
function editFault(reply: string): string | undefined {
  return reply.split('\n').find((line) => line.trim() !== '' && line !== 'Key not found.')
}
