// A process that keeps enqueueing and running jobs until it is killed. Loads the source as the tests do, so that no build is needed.
import { fileURLToPath } from 'node:url'
import { runnerImport } from 'vite'

const conditions = ['@tapwarden/source']
const load = (name) =>
  runnerImport(fileURLToPath(new URL(name, import.meta.url)), {
    configFile: false,
    logLevel: 'error',
    resolve: { conditions },
    ssr: { resolve: { conditions, externalConditions: conditions } },
    environments: {
      inline: { resolve: { conditions, externalConditions: conditions, noExternal: [/^@tapwarden\//] } },
    },
  })
const { EmbeddedJobs } = (await load('./embedded.ts')).module

const queue = 'decision-enforce'
const jobs = await EmbeddedJobs.open({ file: process.argv[2] })
jobs.process(
  queue,
  async (job) => {
    if (job.id !== 'j7') return
    console.log(`hanging ${job.id}`)
    await new Promise(() => {})
  },
  { concurrency: 2 },
)
const reported = new Set()
let pending = []
for (let index = 0; ; index++) {
  await jobs.enqueue(queue, index, { id: `j${index}` })
  console.log(`acknowledged j${index}`)
  for (const id of pending) console.log(`completed ${id}`)
  pending = []
  // What completed before this acknowledgement was noted before it, in the same or an earlier group: it is synced.
  for (let back = Math.max(0, index - 20); back < index - 5; back++) {
    const id = `j${back}`
    if (reported.has(id) || (await jobs.state(queue, id)) !== 'completed') continue
    reported.add(id)
    pending.push(id)
  }
}
