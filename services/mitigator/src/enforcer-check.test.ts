import { type AddressInfo, createServer, type Server } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type EnforcerConfig, enforcerConfigSchema } from './config.js'
import { configuredEnforcerFault } from './enforcer-check.js'

/** Answers like HAProxy's runtime API: the next of these to each command. */
let edge: Server
let answer = ''
let port = 0
beforeAll(async () => {
  edge = createServer((socket) => socket.on('error', () => undefined).once('data', () => socket.end(answer)))
  await new Promise<void>((resolve) => edge.listen(0, '127.0.0.1', resolve))
  port = (edge.address() as AddressInfo).port
})
afterAll(() => void edge.close())

const haproxy = (socket: string): EnforcerConfig => enforcerConfigSchema.parse({ kind: 'haproxy', socket })
const auth = (at: number): EnforcerConfig => enforcerConfigSchema.parse({ kind: 'forward-auth', listen: { port: at } })

it.each<[string, () => EnforcerConfig, string, RegExp | undefined]>([
  ['an edge that answers', () => haproxy(`127.0.0.1:${port}`), '\n', undefined],
  ['one without our maps', () => haproxy(`127.0.0.1:${port}`), 'Unknown map identifier.\n\n', /Unknown map/],
  ['one that is away', () => haproxy('/nonexistent/haproxy.sock'), '', /haproxy unavailable.*ENOENT/],
  ['a port that is free', () => auth(0), '', undefined],
  ['a port that is taken', () => auth(port), '', /is in use/],
])('%s', async (_what, config, says, fault) => {
  answer = says
  const found = await configuredEnforcerFault(config(), [])
  if (fault === undefined) expect(found).toBeUndefined()
  else expect(found).toMatch(fault)
})
