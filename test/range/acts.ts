/**
 * The demo as its acts: an hour of history, then live traffic, then each attack, then the verdict. The same program for the
 * terminal and for the end-to-end test; whoever runs it hears each line as it happens.
 */

import { setTimeout as pause } from 'node:timers/promises'
import { Random } from '../random.js'
import { makeArrivals, partnerAddress, partnerRequestEveryMs } from './arrivals.js'
import { framesOf } from './frames.js'
import { simulateHistory } from './history.js'
import { type People, startPeople } from './people.js'
import { groupAddress, makeUsers, scrapingVisit, stuffingVisit } from './population.js'
import { type EdgeChoice, openScene, type Scene } from './scene.js'
import { Shop } from './shop.js'
import { type Attack, catalogOf, decisionCounts, foundAttacks, readStoreRecord } from './store-record.js'
import { judge, type Verdict } from './verdict.js'

export interface PlayOptions {
  readonly seed: number
  readonly folder: string
  readonly edge: EdgeChoice
  readonly say: (line: string) => void
  /** How long the acts take. Default: what a person can follow. */
  readonly pace?: Pace
  /** Runs before the verdict, while people still come and go. */
  readonly afterwards?: (scene: Scene) => Promise<void>
}

export interface Pace {
  readonly quietActMs: number
  readonly stuffingEveryMs: number
}

export const paces = {
  person: { quietActMs: 12_000, stuffingEveryMs: 2_800 },
  test: { quietActMs: 3_000, stuffingEveryMs: 2_200 },
} satisfies Record<string, Pace>

const userCount = 300
const historyUs = 3_600_000_000
const stuffingAddressCount = 200
const stuffingAttemptsEach = 12
const scrapingFactor = 700
const scrapingRequestCount = 1_000
/** The last refusals become an effect a moment behind them: no news for so long, and no more will come. */
const proofQuietMs = 3_000
const proofPatienceMs = 15_000

export async function play(options: PlayOptions): Promise<Verdict> {
  const { say, pace = paces.person } = options
  const random = new Random(options.seed)
  const shop = new Shop(options.seed, userCount)
  const users = makeUsers(random.fork('users'), shop.accounts, userCount)
  const scene = await openScene({ shop, folder: options.folder, edge: options.edge })
  let people: People | undefined
  try {
    say(`edge: ${scene.edge.name}; mirror: ${scene.mirror}; store: ${scene.stack.engine.url}`)
    await pastAct(scene, shop, random, users, say)

    const liveSinceUs = Date.now() * 1_000
    await scene.watch()
    const { port: edgePort } = scene.edge
    const arrivals = makeArrivals(random.fork('live'), users, shop.partners)
    people = startPeople(arrivals, { edgePort, decisionFieldName: scene.decisionFieldName })
    await quietAct(scene, people, pace, say)

    const stuffers = Array.from({ length: stuffingAddressCount }, (_, index) => {
      const address = groupAddress(60, index)
      return stuffingVisit(random.fork(address), address, shop.accounts, pace.stuffingEveryMs, stuffingAttemptsEach)
    })
    say('')
    say(`ACT 2: credential stuffing from ${stuffingAddressCount} addresses, each like the shop's own iOS app`)
    await attackAct(scene, 'stuffing', people.send(stuffers), liveSinceUs, say)

    const [partner] = shop.partners
    if (partner === undefined) throw new Error('the shop has a partner')
    const meanMs = partnerRequestEveryMs / scrapingFactor
    const scraper = scrapingVisit(random.fork('scraper'), partner, partnerAddress(0), meanMs, scrapingRequestCount)
    say('')
    say(
      `ACT 3: partner ${partner.name} reads the inventory at ${scrapingFactor} times its rate, with its own valid key`,
    )
    await attackAct(scene, 'scraping', people.send([scraper]), liveSinceUs, say)

    return await finalAct(scene, people, liveSinceUs, options)
  } finally {
    await people?.leave()
    await scene.close()
  }
}

async function pastAct(
  scene: Scene,
  shop: Shop,
  random: Random,
  users: ReturnType<typeof makeUsers>,
  say: PlayOptions['say'],
) {
  const arrivals = makeArrivals(random.fork('history'), users, shop.partners)
  const startUs = Date.now() * 1_000 - historyUs
  const conversations = simulateHistory({ shop, arrivals, startUs, durationUs: historyUs })
  const frames = framesOf(conversations, { ip: '127.0.0.1', port: scene.edge.port })
  say(`BEFORE: the last hour, replayed in event time (${frames.length.toLocaleString('en')} packets)`)
  const past = await scene.replay(frames)
  say(`  learned from ${past.transactionCount.toLocaleString('en')} transactions`)
}

async function quietAct(scene: Scene, people: People, pace: Pace, say: PlayOptions['say']): Promise<void> {
  say('')
  say(`ACT 1: normal traffic, live, ${userCount} users and three partners`)
  await pause(pace.quietActMs)
  say(`  ${people.log.length} live requests so far; the catalog holds, the hour before included:`)
  for (const { method, path_template: template, requests } of await catalogOf(scene.stack.store))
    say(`    ${method.padEnd(5)} ${template.padEnd(44)} ${String(requests).padStart(6)} requests`)
}

/** Follows an attack from the store while it runs: the finding when it is made, the decisions as they come, the effect. */
async function attackAct(
  scene: Scene,
  attack: Attack,
  running: Promise<void>,
  sinceUs: number,
  say: PlayOptions['say'],
): Promise<void> {
  const { store } = scene.stack
  const startedAt = performance.now()
  const seconds = (): string => `${((performance.now() - startedAt) / 1_000).toFixed(1).padStart(5)} s`
  let isRunning = true
  const ended = running.finally(() => {
    isRunning = false
  })
  const said = new Set<string>()
  let saidDecisions = 0
  for (let round = 0; isRunning; round++) {
    await Promise.race([pause(500), ended, scene.stack.failed])
    for (const { id, threat, title, summary } of await foundAttacks(store, attack, sinceUs)) {
      if (said.has(id)) continue
      said.add(id)
      say(`  ${seconds()}  FINDING ${id} (${threat}) ${title}`)
      say(`           ${summary}`)
    }
    const counts = await decisionCounts(store, attack)
    if (counts.inForce > saidDecisions && round % 4 === 0) {
      saidDecisions = counts.inForce
      say(`  ${seconds()}  DECISIONS in force: ${counts.inForce}; refused on the mirror so far: ${counts.refused}`)
    }
  }
  await ended
  await proven(scene, attack)
  const counts = await decisionCounts(store, attack)
  say(
    `  ${seconds()}  attack over: ${counts.decisions} decisions, ${counts.effective} proven effective; ${counts.refused} requests refused`,
  )
}

async function proven(scene: Scene, attack: Attack): Promise<void> {
  const giveUpAt = performance.now() + proofPatienceMs
  let known = ''
  let knownSince = performance.now()
  while (performance.now() < giveUpAt) {
    const counts = await decisionCounts(scene.stack.store, attack)
    const news = `${counts.decisions} ${counts.effective} ${counts.refused}`
    if (news !== known) knownSince = performance.now()
    known = news
    if (counts.effective > 0 && performance.now() - knownSince > proofQuietMs) return
    await Promise.race([pause(500), scene.stack.failed])
  }
}

async function finalAct(scene: Scene, people: People, liveSinceUs: number, options: PlayOptions): Promise<Verdict> {
  const { say } = options
  if (options.afterwards !== undefined) await options.afterwards(scene)
  await people.leave()
  const sensor = await scene.unwatch()
  const verdict = judge(people.log, await readStoreRecord(scene.stack.store, liveSinceUs))
  say('')
  say("VERDICT, by the clients' own log and by the store")
  for (const attack of ['stuffing', 'scraping'] as const) {
    const outcome = verdict[attack]
    say(
      `  ${attack.padEnd(9)} ${outcome.stopped ? 'stopped' : 'NOT STOPPED'}: ${outcome.requestCount} requests, ${outcome.passedBeforeFirstRefusal} before the first refusal, ` +
        `${outcome.requestCount - outcome.refusedCount} answered by the shop in all`,
    )
  }
  const times = Math.round((verdict.scraping.requestsPerS * partnerRequestEveryMs) / 1_000)
  say(
    `            it ran at ${times} times the key's rate; ${verdict.sameKeyRefusedCount} of the partner's own requests were refused with it`,
  )
  say(
    `  benign    ${verdict.benignRequestCount} requests, ${verdict.benignRefusedCount} refused, ${verdict.benignFailedCount} failed`,
  )
  say(
    `  sensor    ${sensor.packetCount.toLocaleString('en')} packets, ${sensor.kernelDropCount} dropped by the kernel, ${sensor.missedBytes} bytes missed`,
  )
  for (const complaint of verdict.complaints) say(`  BUT ${complaint}`)
  return verdict
}
