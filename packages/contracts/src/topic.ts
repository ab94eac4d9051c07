/** A topic as a contract: its name, its record's schema, and the codec both sides share. One NDJSON line is one message. */

import type { z } from 'zod'
import type { TopicName } from './names.js'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

export interface Topic<Message> {
  readonly name: TopicName
  readonly schema: z.ZodType<Message>
  /** One message as a line, with its newline. */
  encode(message: Message): Uint8Array
  /** Every line of a record's value. Throws `ContractViolation` on a line that is not JSON; does not validate fields. */
  decode(value: Uint8Array): Message[]
  /** Full validation, for whatever comes from outside. Throws `ContractViolation` with the paths at fault, never values. */
  parse(message: unknown): Message
}

/** A record that is not what its topic promises. `detail` names fields, never their values. */
export class ContractViolation extends Error {
  override readonly name = 'ContractViolation'
  readonly topic: TopicName
  constructor(topic: TopicName, detail: string) {
    super(`${topic}: ${detail}`)
    this.topic = topic
  }
}

export function defineTopic<Message>(name: TopicName, schema: z.ZodType<Message>): Topic<Message> {
  return {
    name,
    schema,
    encode: (message) => encoder.encode(`${JSON.stringify(message)}\n`),
    decode: (value) => {
      const text = decoder.decode(value)
      const messages: Message[] = []
      for (let start = 0; start < text.length; ) {
        let end = text.indexOf('\n', start)
        if (end < 0) end = text.length
        if (end > start) messages.push(decodeLine<Message>(name, text.slice(start, end)))
        start = end + 1
      }
      return messages
    },
    parse: (message) => {
      const result = schema.safeParse(message)
      if (result.success) return result.data
      const fields = result.error.issues.map((issue) => `${issue.path.join('.') || '(record)'}: ${issue.code}`)
      throw new ContractViolation(name, fields.join(', '))
    },
  }
}

function decodeLine<Message>(name: TopicName, line: string): Message {
  try {
    return JSON.parse(line) as Message
  } catch {
    throw new ContractViolation(name, 'a line is not JSON')
  }
}
