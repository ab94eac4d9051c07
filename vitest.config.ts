import { defineConfig } from 'vitest/config'

/** Tests run from source: the condition below makes each package's exports resolve to its `src`, so no build is needed. */
export default defineConfig({
  ssr: { resolve: { conditions: ['@tapwarden/source'], externalConditions: ['@tapwarden/source'] } },
  resolve: { conditions: ['@tapwarden/source'] },
  test: {
    include: ['packages/**/src/**/*.test.ts', 'services/**/src/**/*.test.ts', 'test/**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/dist/**'],
    testTimeout: 30_000,
  },
})
