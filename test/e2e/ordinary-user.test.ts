/**
 * An ordinary user with one right captures, in both ways that deploy/systemd/README.md names: the right on tcpdump's file alone, or inherited from
 * whoever starts us, with nothing that could gain more. And the units keep their exposure.
 */

import { spawn, spawnSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { childrenOf, until } from '../faults/command-process.js'

const nobody = 65_534
const bin = join(dirname(createRequire(import.meta.url).resolve('tapwarden/command')), '..', 'bin', 'tapwarden.js')
const units = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'deploy', 'systemd')
const sbin = `${process.env['PATH']}:/usr/sbin:/sbin`
const folder = mkdtempSync(join(tmpdir(), 'tapwarden-ordinary-user-'))
const programs = join(folder, 'programs')
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const find = (name: string): string =>
  spawnSync('sh', ['-c', `command -v ${name}`], { env: { PATH: sbin }, encoding: 'utf8' }).stdout.trim()

/** Of Linux, with the tools that give and take rights; they come with every Debian. */
function rightsMissing(): string | undefined {
  if (process.getuid?.() !== 0) return 'only root can give another user a right'
  const absent = ['setpriv', 'setcap', 'tcpdump'].find((name) => find(name) === '')
  if (absent !== undefined) return `${absent} is not installed`
  mkdirSync(programs)
  copyFileSync(find('tcpdump'), join(programs, 'tcpdump'))
  const succeeds = (program: string, ...args: string[]): boolean =>
    spawnSync(program, args, { env: { PATH: sbin } }).status === 0
  if (!succeeds('setcap', 'cap_net_raw+ep', join(programs, 'tcpdump'))) return 'root here may give no file a right'
  const inherited = ['--inh-caps=+net_raw', '--ambient-caps=+net_raw', `--reuid=${nobody}`, '--clear-groups', 'true']
  return succeeds('setpriv', ...inherited) ? undefined : 'root here has no right to give'
}

/** CapEff of a process, as the kernel prints it: bit 13 is CAP_NET_RAW. */
function rightsOf(pid: number): bigint {
  return BigInt(`0x${/CapEff:\s*([0-9a-f]+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? '0'}`)
}
const netRaw = 1n << 13n

interface Ways {
  readonly capabilities: string
  readonly path: string
  readonly extra: readonly string[]
  readonly sensorRights: bigint
}

const missing = rightsMissing()
describe.skipIf(missing !== undefined)(`as nobody ${missing ?? ''}`, () => {
  beforeAll(() => {
    chmodSync(folder, 0o755)
    mkdirSync(join(folder, 'home'))
    chownSync(join(folder, 'home'), nobody, nobody)
  })

  it.each<[string, Ways]>([
    [
      'on the file of tcpdump, and the sensor has none',
      { capabilities: '-all', path: programs, extra: [], sensorRights: 0n },
    ],
    [
      'inherited, as the unit gives it',
      {
        capabilities: '-all,+net_raw',
        path: '',
        extra: ['--no-new-privs', '--bounding-set=-all,+net_raw'],
        sensorRights: netRaw,
      },
    ],
  ])(
    'CAP_NET_RAW %s',
    async (_what, { capabilities, path, extra, sensorRights }) => {
      const user = [`--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups']
      const rights = [`--inh-caps=${capabilities}`, `--ambient-caps=${capabilities}`, ...extra]
      const receiver = createSocket('udp4')
      await new Promise<void>((resolve) => receiver.bind(0, '127.0.0.1', resolve))
      const { port } = receiver.address()
      const command = [
        process.execPath,
        bin,
        'capture',
        '--stats',
        '--json',
        '-i',
        'lo',
        '--filter',
        `udp port ${port}`,
      ]
      const sensor = spawn('setpriv', [...user, ...rights, ...command], {
        env: { PATH: `${path}:${sbin}`, HOME: join(folder, 'home') },
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      let [out, err] = ['', '']
      sensor.stdout.setEncoding('utf8').on('data', (text: string) => {
        out += text
      })
      sensor.stderr.setEncoding('utf8').on('data', (text: string) => {
        err += text
      })
      const ended = new Promise<number | null>((resolve) => sensor.once('close', resolve))
      await until('it watches', () => /watching|tapwarden:/.test(err), 30_000)
      expect(err).toMatch(/^watching lo with tcpdump/)
      const pid = sensor.pid ?? 0
      const rightsOfChildren = childrenOf(pid).map(rightsOf)
      expect([rightsOf(pid), rightsOfChildren.includes(netRaw)]).toEqual([sensorRights, true])
      receiver.send('hello', port, '127.0.0.1')
      await until('it is seen', () => /"packets":1,/.test(out))
      sensor.kill('SIGINT')
      expect(await ended).toBe(0)
      receiver.close()
    },
    60_000,
  )
})

const analyze = spawnSync('systemd-analyze', ['--version'])
const noSystemd = analyze.error === undefined ? undefined : 'systemd is not installed (Debian package systemd)'

describe.skipIf(noSystemd !== undefined)(`units ${noSystemd ?? ''}`, () => {
  it.each(
    readdirSync(units).filter((name) => name.endsWith('.service')),
  )('%s is understood, and exposes little', (name) => {
    // A template is judged as one of its instances.
    const file = join(folder, name.replace('@.', '@eth0.'))
    writeFileSync(file, readFileSync(join(units, name)))
    const verified = spawnSync('systemd-analyze', ['verify', file], { encoding: 'utf8' })
    // Programs that this machine does not have are no fault of the unit.
    const faults = verified.stderr
      .split('\n')
      .filter((line) => line !== '' && !/is not executable|not found/.test(line))
    expect(faults).toEqual([])
    const judged = spawnSync('systemd-analyze', ['security', '--offline=true', '--threshold=20', file], {
      encoding: 'utf8',
    })
    expect(judged.status, judged.stdout.slice(-200)).toBe(0)
  })
})
