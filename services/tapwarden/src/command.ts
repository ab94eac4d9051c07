/** The command: `tapwarden COMMAND`. Parses the command line, runs one command, turns whatever went wrong into one line and an exit code. */

import { exitCodes, UserError } from '@tapwarden/runtime/user-error'
import { QueryRefused, StoreUnavailable } from '@tapwarden/store/store'
import { Command, CommanderError, Option } from 'commander'
import type { CaptureFlags } from './commands/capture.js'
import type { ReplayFlags } from './commands/replay.js'
import type { UpFlags } from './commands/up.js'
import { type CommonFlags, version } from './common-flags.js'
import { type Output, processOutput } from './output.js'

/** Runs the command line and ends the process with its exit code, once everything printed has left. */
export async function main(argv: readonly string[]): Promise<void> {
  process.stdout.on('error', leaveOnWriteError)
  process.stderr.on('error', leaveOnWriteError)
  const code = await run(argv.slice(2), processOutput())
  await Promise.all([flushed(process.stdout), flushed(process.stderr)])
  process.exit(code)
}

/** `args` without the names of node and the script. Resolves to the exit code; never rejects. */
export async function run(args: readonly string[], output: Output): Promise<number> {
  let exitCode: number = exitCodes.ok
  const program = commandLine(output, (code) => {
    exitCode = code
  })
  if (args.length === 0) {
    program.outputHelp()
    return exitCodes.ok
  }
  try {
    await program.parseAsync([...args], { from: 'user' })
    return exitCode
  } catch (error) {
    return failed(error, output)
  }
}

function failed(error: unknown, output: Output): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage
  if (error instanceof UserError) {
    output.note(`tapwarden: ${error.message}`)
    return error.exitCode
  }
  if (error instanceof QueryRefused) {
    output.note(`tapwarden: ${error.message}`)
    return exitCodes.usage
  }
  if (error instanceof StoreUnavailable) {
    output.note(`tapwarden: ${error.message}`)
    return exitCodes.unavailable
  }
  output.note(
    `tapwarden: a fault of ours, please report it: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
  )
  return exitCodes.internal
}

type Finished = (exitCode: number) => void

function commandLine(output: Output, finished: Finished): Command {
  const program = new Command('tapwarden')
    .description('Finds the APIs in mirrored traffic, the attacks on them, and stops those.')
    .version(version, '-V, --version', 'print the version')
    .helpCommand(true)
    .showHelpAfterError('(--help shows what there is)')
    .configureOutput({
      writeOut: (text) => output.out(text.trimEnd()),
      writeErr: (text) => output.note(text.trimEnd()),
    })
    .exitOverride()
    .addHelpText('after', exitCodeHelp)
  addTrafficCommands(program, output, finished)
  addAnswerCommands(program, output)
  return program
}

const exitCodeHelp = `
Exit codes:
  0  done                              69  something needed is not available
  1  a fault of ours                   73  a file or folder cannot be created
  2  wrong command line or SQL         77  not permitted
  65 input damaged in the middle       78  wrong configuration
  66 input missing or not a capture    130 interrupted
With several captures: that of the first one that failed; the others are still read.

Settings come from --config FILE, then TAPWARDEN_* variables (TAPWARDEN_LOG__LEVEL=debug), then flags;
--print-config on any command shows them.`

function addTrafficCommands(program: Command, output: Output, finished: Finished): void {
  common(program.command('replay'))
    .description('read captures (pcap, pcapng) into the store')
    .argument(
      '<file...>',
      'capture files, also in gzip or (Node >= 22.15) zstd; - is standard input: tcpdump -w - | tapwarden replay -',
    )
    .addOption(
      new Option('--speed <speed>', 'as fast as possible, or as it was captured')
        .choices(['max', 'real'])
        .default('max'),
    )
    .option(...tlsKeyLogOption)
    .option('--separate', 'each file is a capture of its own; without it they are one, read in the order of time')
    .option('--json', 'print the summary as JSON')
    .action(async (files: string[], flags: ReplayFlags) => {
      const { replay } = await import('./commands/replay.js')
      finished(await replay(files, flags, output))
    })
  watching(common(program.command('up')))
    .description('watch an interface, a mirror, or a folder of rotating captures, until Ctrl-C')
    .option('--enforce', 'push decisions to the edges; without it they are only simulated')
    .option('--json', 'print the summary as JSON')
    .action(async (flags: UpFlags) => {
      const { up } = await import('./commands/up.js')
      finished(await up(flags, output))
    })
  watching(common(program.command('capture')))
    .description('the sensor alone, nothing is stored: transactions, redacted, one JSON object a line')
    .argument('[file...]', 'capture files instead of something live; - is standard input')
    .option('--stats', 'instead, each second: packets, bits, drops, connections, transactions, gaps, what TLS hides')
    .option('--json', 'with --stats, one JSON object a second')
    .action(async (files: string[], flags: CaptureFlags) => {
      const { capture } = await import('./commands/capture.js')
      finished(await capture(files, flags, output))
    })
  common(program.command('access-key'))
    .description('print the subkey that edges compute the tokens of API keys with (HAProxy: TAPWARDEN_ACCESS_KEY)')
    .option('--json', 'with its number')
    .action(async (flags: CommonFlags & { readonly json?: boolean }) => {
      const { accessKey } = await import('./commands/access-key.js')
      await accessKey(flags, output)
    })
  common(program.command('doctor'))
    .description('check what this machine can do: capture, engine, disk, store')
    .option('-i, --interface <name>', 'interface to try', 'lo')
    .option('--json', 'one JSON object a check')
    .action(async (flags: CommonFlags & { readonly interface: string; readonly json?: boolean }) => {
      const { doctor } = await import('./commands/doctor.js')
      finished(await doctor(flags, output))
    })
}

const tlsKeyLogOption = [
  '--tls-keylog <file>',
  'secrets that open TLS, as SSLKEYLOGFILE; live, as they are written',
] as const

/** The ways to say what is watched. */
function watching(command: Command): Command {
  return command
    .option('-i, --interface <name>', 'an interface, through tcpdump or dumpcap')
    .option('--filter <bpf>', 'what to capture on it, in tcpdump syntax')
    .option(...tlsKeyLogOption)
    .option(
      '--listen <url...>',
      'a cloud mirror: vxlan://ADDRESS:4789, geneve://ADDRESS:6081 or vxlan-gpe://…; needs no privilege',
    )
    .option(
      '--follow <dir>',
      'a folder that tcpdump -G or -C, or dumpcap -b, writes to; a restart goes on where it was',
    )
}

function addAnswerCommands(program: Command, output: Output): void {
  common(program.command('query'))
    .description('ask one SELECT of a view: v_transactions, v_endpoints, v_findings, v_decisions, v_sensor_intervals')
    .argument(
      '<sql>',
      'or "SHOW TABLES", or "DESCRIBE v_decisions" for its columns (what lists call REMEDIATION is `type`)',
    )
    .option('--format <name>', "a format of ClickHouse's, such as CSVWithNames; a table by default")
    .option('--json', 'one JSON object a row; 64-bit numbers with all their digits, which some JSON readers round')
    .addHelpText('after', queryHelp)
    .action(async (sql: string, flags: CommonFlags & { readonly format?: string; readonly json?: boolean }) => {
      const { query } = await import('./commands/query.js')
      await query(sql, flags, output)
    })
  listing(program.command('endpoints'), 'endpoints seen, the busiest first')
    .option('--host <host>', 'only of this host')
    .action(async (flags: CommonFlags & ListFlags & { readonly host?: string }) => {
      const { endpoints } = await import('./commands/endpoints.js')
      await endpoints(flags, output)
    })
  common(program.command('endpoint'))
    .description('one endpoint: authentication, sensitive data, statuses, schemas')
    .argument('<method>')
    .argument('<host>')
    .argument('<path>', 'its template, or a path that it matches')
    .option('--json', 'one JSON object')
    .action(async (method: string, host: string, path: string, flags: CommonFlags & { readonly json?: boolean }) => {
      const { endpoint } = await import('./commands/endpoint.js')
      await endpoint({ method, host, path }, flags, output)
    })
  listing(program.command('findings'), 'findings, the latest first').action(async (flags: CommonFlags & ListFlags) => {
    const { findings } = await import('./commands/findings.js')
    await findings(flags, output)
  })
  common(program.command('finding'))
    .description('one finding with its evidence')
    .argument('<id>', 'or how it begins')
    .option('--json', 'one JSON object')
    .action(async (id: string, flags: CommonFlags & { readonly json?: boolean }) => {
      const { finding } = await import('./commands/finding.js')
      await finding(id, flags, output)
    })
  listing(program.command('decisions'), 'decisions, the latest first, with their effect').action(
    async (flags: CommonFlags & ListFlags) => {
      const { decisions } = await import('./commands/decisions.js')
      await decisions(flags, output)
    },
  )
  common(program.command('openapi'))
    .description('what was learned of a host, as an OpenAPI 3.1 document')
    .argument('<host>')
    .action(async (host: string, flags: CommonFlags) => {
      const { openapi } = await import('./commands/openapi.js')
      await openapi(host, flags, output)
    })
}

const queryHelp = `
A view has each thing once, in its latest version; the tables beneath (SHOW TABLES has both) hold every version.
v_transactions.endpoint_id is v_endpoints.id; what is no endpoint (files, errors) has none there, so LEFT JOIN keeps it.`

export interface ListFlags {
  readonly limit: number
  readonly json?: boolean
}

function listing(command: Command, description: string): Command {
  return common(command)
    .description(description)
    .option('--limit <count>', 'at most so many', positiveCount, 50)
    .option('--json', 'one JSON object a line')
}

function positiveCount(text: string): number {
  if (!/^[1-9][0-9]{0,6}$/.test(text))
    throw new UserError('usage', `--limit ${text}: give a whole number from 1 to 9999999`)
  return Number(text)
}

function common(command: Command): Command {
  return command
    .option('--store <dir>', 'store folder')
    .option('--config <file>', 'YAML or JSON file of settings')
    .addOption(
      new Option('--log-level <level>', 'what to log on stderr').choices(['debug', 'info', 'warn', 'error', 'silent']),
    )
    .option('--print-config', 'print the settings in force, without secrets, and stop')
}

/** Whoever read has left, or what is written cannot be kept: nothing more can be said there. */
function leaveOnWriteError(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(exitCodes.ok)
  const why = error.code === 'ENOSPC' ? 'no space is left where it goes' : String(error.code)
  process.stderr.write(`tapwarden: standard output cannot be written: ${why}\n`, () =>
    process.exit(exitCodes.cannotCreate),
  )
}

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => stream.write('', () => resolve()))
}
