import { defineConfig } from 'vitest/config'

/** Tests run from source: the condition below makes each package's exports resolve to its `src`, so no build is needed. */
const fromSource = {
  ssr: { resolve: { conditions: ['@tapwarden/source'], externalConditions: ['@tapwarden/source'] } },
  resolve: { conditions: ['@tapwarden/source'] },
}
const never = ['**/node_modules/**', '**/dist/**']
/** Tests of the whole system under load and on the clock: after the others, one at a time. */
const system = ['test/e2e/**/*.test.ts', 'test/faults/**/*.test.ts', 'test/canary/**/*.test.ts']

/** Needs a folder of captures that the project does not ship: TAPWARDEN_CAPTURE_CASES=DIR. */
const corpus = process.env['TAPWARDEN_CAPTURE_CASES'] === undefined ? ['test/e2e/corpus.test.ts'] : []

export default defineConfig({
  test: {
    projects: [
      {
        ...fromSource,
        test: {
          name: 'unit',
          include: ['packages/**/src/**/*.test.ts', 'services/**/src/**/*.test.ts', 'test/**/*.test.ts'],
          exclude: [...never, ...system],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        ...fromSource,
        test: {
          name: 'system',
          include: system,
          exclude: [...never, ...corpus],
          testTimeout: 300_000,
          hookTimeout: 120_000,
          fileParallelism: false,
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
