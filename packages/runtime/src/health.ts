/** A process's own HTTP port: is it alive, is it ready, what does it count. Loopback by default, and nothing on it needs a password. */

import fastify, { type FastifyInstance } from 'fastify'
import type { Metrics } from './metrics.js'
import { listenError } from './user-error.js'

export interface ReadinessCheck {
  readonly name: string
  /** Why not, or undefined when ready. A throw counts as a reason. */
  readonly fault: () => Promise<string | undefined> | string | undefined
}

export interface HealthOptions {
  readonly host: string
  /** 0 picks a free one. */
  readonly port: number
  readonly metrics: Metrics
  readonly checks: readonly ReadinessCheck[]
}

export interface HealthServer {
  readonly port: number
  close(): Promise<void>
}

/** Throws `UserError` when the port is taken or not permitted. */
export async function startHealthServer(options: HealthOptions): Promise<HealthServer> {
  const server = fastify({ logger: false, bodyLimit: 1, requestTimeout: 10_000 })
  addRoutes(server, options)
  try {
    await server.listen({ host: options.host, port: options.port })
  } catch (cause) {
    const { host, port } = options
    const settings = { hostSetting: 'health.host', portSetting: 'health.port' }
    throw listenError({ what: 'the health port', host, port, ...settings }, cause) ?? cause
  }
  const address = server.server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : options.port,
    close: () => server.close(),
  }
}

function addRoutes(server: FastifyInstance, options: HealthOptions): void {
  server.get('/livez', () => ({ status: 'alive' }))
  server.get('/readyz', async (_request, reply) => {
    const faults: Record<string, string> = {}
    for (const check of options.checks) {
      const fault = await faultOf(check)
      if (fault !== undefined) faults[check.name] = fault
    }
    const ready = Object.keys(faults).length === 0
    reply.code(ready ? 200 : 503)
    return { status: ready ? 'ready' : 'not-ready', faults }
  })
  server.get('/metrics', async (_request, reply) => {
    reply.type(options.metrics.contentType)
    return options.metrics.text()
  })
}

async function faultOf(check: ReadinessCheck): Promise<string | undefined> {
  try {
    return await check.fault()
  } catch (error) {
    return error instanceof Error ? error.message : 'failed'
  }
}
