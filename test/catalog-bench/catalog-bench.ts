/**
 * `npm run bench:catalog -- DIR [--n 2000] [--seed 1] [--specs box,slack] [--detail 10]`: scores the catalog on real specifications.
 *
 * DIR holds the benchmark: `gen_traffic.mjs`, `score.mjs`, `specs/`. For each specification traffic is generated, learned in order
 * with the decisions that a running catalog takes, and scored by DIR's own scorer. Prints one row an API and the mean; a row's time is
 * CPU of learning and deciding alone. Exit code 1 when a generator or the scorer fails.
 */

import { spawnSync } from 'node:child_process'
import { createReadStream, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { Catalog } from '@tapwarden/catalog/catalog'
import { endpointFacts } from '@tapwarden/catalog/endpoint-facts'
import { openApiOf } from '@tapwarden/catalog/openapi'
import { type BenchTransaction, benchTransaction } from './shape-maker.js'

/** Transactions between decisions, about what one batch of the bus holds. */
const batchCount = 256

interface Ratio {
  readonly precision: number
  readonly recall: number
  readonly f1: number
}

interface Score {
  readonly opsObserved: number
  readonly predicted: number
  readonly set: Ratio
  readonly gen: Ratio
  readonly overMerge: number
  readonly overSplit: number
  readonly noiseEndpoints: number
  readonly schema?: {
    readonly propEndToEnd: { readonly recall: number | null; readonly precision: number | null }
    readonly requiredAcc: number | null
    readonly nullable: { readonly acc: number } | null
    readonly format: { readonly recall: number | null; readonly precision: number | null }
    readonly map: { readonly recall: number | null }
    readonly query: { readonly recall: number | null }
    readonly authAcc: number | null
    readonly pathParamTypeAcc: number | null
  }
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      n: { type: 'string', default: '2000' },
      seed: { type: 'string', default: '1' },
      specs: { type: 'string' },
      detail: { type: 'string' },
    },
  })
  const [folder] = positionals
  if (folder === undefined) {
    console.error('usage: npm run bench:catalog -- DIR [--n 2000] [--seed 1] [--specs box,slack] [--detail 10]')
    process.exitCode = 2
    return
  }
  const bench = resolve(folder)
  const all = readdirSync(join(bench, 'specs')).map((file) => basename(file, '.json'))
  const specs = values.specs === undefined ? all.sort() : values.specs.split(',')
  const work = mkdtempSync(join(tmpdir(), 'tapwarden-catalog-bench-'))
  const scores: Score[] = []
  try {
    console.log(
      'api          ops  found   P     R     F1    gen   merged split noise | props R/P   req   null  fmt R/P   map  query auth  path | µs/tx',
    )
    for (const spec of specs) scores.push(await scoreSpec(bench, spec, join(work, spec), values))
    console.log(
      `mean F1 ${percent(mean(scores.map((score) => score.set.f1)))}, gen ${percent(mean(scores.map((score) => score.gen.f1)))}`,
    )
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

async function scoreSpec(
  bench: string,
  spec: string,
  work: string,
  options: { readonly n: string; readonly seed: string; readonly detail?: string | undefined },
): Promise<Score> {
  mkdirSync(work, { recursive: true })
  const specFile = join(bench, 'specs', `${spec}.json`)
  run(['gen_traffic.mjs', '--spec', specFile, '--n', options.n, '--seed', options.seed, '--out', work], bench)
  const catalog = new Catalog()
  const learnedUs = await learn(catalog, join(work, 'traffic.ndjson'))
  const hosts = [...catalog.hosts()]
  const predicted = hosts.flatMap((host) =>
    host.snapshot.endpoints.map(({ method, pathTemplate }) => ({ method, host: host.host, template: pathTemplate })),
  )
  writeFileSync(join(work, 'pred.json'), JSON.stringify(predicted))
  const documents = hosts.map((host) =>
    openApiOf(host.host, host.endpoints().map(endpointFacts), { schemes: ['https'] }),
  )
  writeFileSync(join(work, 'openapi.json'), JSON.stringify(documents))
  const scoring = [
    'score.mjs',
    '--truth',
    work,
    '--pred',
    join(work, 'pred.json'),
    '--openapi',
    join(work, 'openapi.json'),
  ]
  const score = JSON.parse(run([...scoring, '--json'], bench)) as Score
  print(spec, score, learnedUs / Number(options.n))
  if (options.detail !== undefined) console.log(run([...scoring, '--detail', options.detail], bench))
  rmSync(work, { recursive: true, force: true })
  return score
}

/** CPU µs of learning; making transactions out of lines is not counted. */
async function learn(catalog: Catalog, file: string): Promise<number> {
  let cpuUs = 0
  let batch: ReturnType<typeof benchTransaction>[] = []
  const learnBatch = (): void => {
    const before = process.cpuUsage()
    for (const transaction of batch) catalog.observe(transaction)
    catalog.decide(false)
    const { user, system } = process.cpuUsage(before)
    cpuUs += user + system
    batch = []
  }
  for await (const line of createInterface({ input: createReadStream(file) })) {
    if (line === '') continue
    batch.push(benchTransaction(JSON.parse(line) as BenchTransaction))
    if (batch.length >= batchCount) learnBatch()
  }
  learnBatch()
  const before = process.cpuUsage()
  catalog.decide(true)
  const { user, system } = process.cpuUsage(before)
  return cpuUs + user + system
}

function run(args: readonly string[], cwd: string): string {
  const result = spawnSync(process.execPath, args, { cwd, encoding: 'utf8', maxBuffer: 256 * 1_048_576 })
  if (result.status !== 0) throw new Error(`${args[0]} failed: ${result.stderr}`)
  return result.stdout
}

function print(spec: string, score: Score, usEach: number): void {
  const s = score.schema
  const cells = [
    spec.padEnd(10),
    String(score.opsObserved).padStart(5),
    String(score.predicted).padStart(6),
    ...[score.set.precision, score.set.recall, score.set.f1, score.gen.f1, score.overMerge, score.overSplit].map(
      percent,
    ),
    String(score.noiseEndpoints).padStart(4),
    '|',
    `${percent(s?.propEndToEnd.recall)}/${percent(s?.propEndToEnd.precision)}`,
    percent(s?.requiredAcc),
    percent(s?.nullable?.acc),
    `${percent(s?.format.recall)}/${percent(s?.format.precision)}`,
    ...[s?.map.recall, s?.query.recall, s?.authAcc, s?.pathParamTypeAcc].map(percent),
    '|',
    usEach.toFixed(0).padStart(5),
  ]
  console.log(cells.join(' '))
}

function percent(ratio: number | null | undefined): string {
  return (ratio === null || ratio === undefined ? '–' : (100 * ratio).toFixed(1)).padStart(5)
}

function mean(numbers: readonly number[]): number {
  return numbers.length === 0 ? 0 : numbers.reduce((sum, number) => sum + number, 0) / numbers.length
}

await main()
