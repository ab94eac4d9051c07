import { execFileSync } from 'node:child_process'
import { expect, it } from 'vitest'
import { pastable } from './hints.js'

it.each([
  [{}, 'npx --no-install tapwarden findings', 'the default store needs no flag'],
  [{ store: '/tmp/s' }, 'npx --no-install tapwarden findings --store /tmp/s', 'the store just used'],
  [
    { store: "it's a", config: 'c.yaml' },
    "npx --no-install tapwarden findings --store 'it'\\''s a' --config c.yaml",
    'a name with blanks and quotes',
  ],
])('%j: %s, since %s', (flags, hint, _why) => expect(pastable(flags, 'findings')).toBe(hint))

it.each(["it's", 'a b', '$(id)', '`id`', '"', '\\', '*', '~', 'a;b'])('a shell reads %j back', (store) => {
  const script = pastable({ store }, 'x').replace('npx --no-install tapwarden x --store', "printf '%s'")
  expect(execFileSync('/bin/sh', ['-c', script], { encoding: 'utf8' })).toBe(store)
})
