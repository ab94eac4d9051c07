/** HAProxy before the shop, with the configuration that we ship in `deploy/haproxy`, on a free loopback port. */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { repositoryRoot } from '../architecture/repository.js'
import type { Edge } from './edge.js'
import { freePort } from './free-port.js'

export interface HaproxyEdge extends Edge {
  /** The runtime API's unix socket, and the folder of the maps as the configuration spells it. */
  readonly socket: string
  readonly mapFolder: string
}

export interface HaproxyEdgeOptions {
  readonly originPort: number
  /** A folder of its own, empty; unix sockets limit its path to about 90 characters. */
  readonly folder: string
  /** The access subkey, base64. */
  readonly accessKey: string
}

const startPatienceMs = 5_000

/** Path and version, or undefined where HAProxy is not installed. */
export function findHaproxy(): { readonly command: string; readonly version: string } | undefined {
  for (const command of ['haproxy', '/usr/sbin/haproxy']) {
    const asked = spawnSync(command, ['-v'], { encoding: 'utf8' })
    const version = /version ([0-9.]+)/.exec(asked.stdout ?? '')?.[1]
    if (asked.status === 0 && version !== undefined) return { command, version }
  }
  return undefined
}

export async function startHaproxyEdge(
  haproxy: { readonly command: string; readonly version: string },
  options: HaproxyEdgeOptions,
): Promise<HaproxyEdge> {
  const port = await freePort()
  const socket = join(options.folder, 'tapwarden.sock')
  const mapFolder = join(options.folder, 'maps')
  await mkdir(mapFolder)
  for (const map of ['actors', 'addresses', 'places']) await writeFile(join(mapFolder, `${map}.map`), '')
  const configFile = join(options.folder, 'haproxy.cfg')
  await writeFile(configFile, await configuration(port, socket, mapFolder, options.originPort))
  const child = spawn(haproxy.command, ['-db', '-q', '-f', configFile], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, TAPWARDEN_ACCESS_KEY: options.accessKey },
  })
  await listening(child, port)
  return {
    name: `HAProxy ${haproxy.version}`,
    port,
    socket,
    mapFolder,
    close: async () => {
      const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
      if (child.exitCode !== null || !child.kill('SIGTERM')) return
      const killer = setTimeout(() => child.kill('SIGKILL'), 2_000)
      await gone
      clearTimeout(killer)
    },
  }
}

async function configuration(port: number, socket: string, mapFolder: string, originPort: number): Promise<string> {
  const shipped = await readFile(join(repositoryRoot(), 'deploy/haproxy/tapwarden.cfg'), 'utf8')
  const local = shipped
    .replaceAll('/etc/haproxy/tapwarden', mapFolder)
    .replaceAll('/run/haproxy/tapwarden.sock', socket)
  const [, global = '', frontend = ''] = local.split(/^# ---- .*$/m)
  return `global
    maxconn 4000
${global}
defaults
    mode http
    timeout client 60s
    timeout server 10s
    timeout connect 2s
frontend edge
    bind 127.0.0.1:${port}
${frontend}
    option forwardfor
    default_backend shop
backend shop
    server shop 127.0.0.1:${originPort}
`
}

async function listening(child: ChildProcess, port: number): Promise<void> {
  for (const until = Date.now() + startPatienceMs; ; ) {
    if (child.exitCode !== null) throw new Error(`HAProxy ended with exit code ${child.exitCode}: see its lines above`)
    if (await accepts(port)) return
    if (Date.now() > until) throw new Error(`HAProxy does not listen on 127.0.0.1:${port}`)
    await pause(20)
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
