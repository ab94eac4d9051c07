import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { type ConfigSources, loadConfig, printableConfig, secret } from './config.js'
import { UserError } from './user-error.js'

const schema = z.object({
  capture: z
    .object({
      flowMaxCount: z.int().positive().default(1000),
      filter: z.string().default(''),
      ports: z.array(z.int()).default([]),
      hosts: z.array(z.string()).default([]),
      excludeSelf: z.boolean().default(true),
    })
    .prefault({}),
  alerter: z
    .object({
      webhook: z.object({ url: z.string(), secret: secret(z.string()).optional() }).optional(),
      limits: z.record(z.string(), z.object({ perMinute: z.int() })).default({}),
      edges: z.array(z.object({ name: z.string(), password: secret(z.string().default('')) })).default([]),
    })
    .prefault({}),
})

const environmentPrefix = 'TAPWARDEN_'
const load = (sources: Omit<ConfigSources, 'environmentPrefix'>) =>
  loadConfig(schema, { environmentPrefix, ...sources })
const file = (text: string) => ({ file: { path: 'tw.yaml', text } })

function messageOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    if (error instanceof UserError && error.exitCode === 78) return error.message
    throw error
  }
  throw new Error('nothing was thrown')
}

it('defaults ← file ← environment ← flags', () => {
  const sources: ConfigSources = { environmentPrefix }
  expect(loadConfig(schema, sources).capture.flowMaxCount).toBe(1000)
  const withFile = { ...sources, ...file('capture: { flowMaxCount: 2, filter: tcp }') }
  expect(loadConfig(schema, withFile).capture).toMatchObject({ flowMaxCount: 2, filter: 'tcp', excludeSelf: true })
  const withEnvironment = { ...withFile, environment: { TAPWARDEN_CAPTURE__FLOW_MAX_COUNT: '3', HOME: '/' } }
  expect(loadConfig(schema, withEnvironment).capture).toMatchObject({ flowMaxCount: 3, filter: 'tcp' })
  const flags = [{ flag: '--flows', path: ['capture', 'flowMaxCount'], value: 4 }]
  expect(loadConfig(schema, { ...withEnvironment, flags }).capture).toMatchObject({ flowMaxCount: 4, filter: 'tcp' })
})

describe('the environment speaks text, the schema says what it means', () => {
  it.each([
    ['CAPTURE__PORTS', '80,8080', { capture: { ports: [80, 8080] } }],
    ['CAPTURE__PORTS', '[80]', { capture: { ports: [80] } }],
    ['CAPTURE__PORTS', '80', { capture: { ports: [80] } }],
    ['CAPTURE__HOSTS', 'a.example, b.example', { capture: { hosts: ['a.example', 'b.example'] } }],
    ['CAPTURE__HOSTS', 'true', { capture: { hosts: ['true'] } }],
    ['CAPTURE__EXCLUDE_SELF', 'no', { capture: { excludeSelf: false } }],
    ['CAPTURE__FILTER', '80', { capture: { filter: '80' } }],
    ['ALERTER__WEBHOOK__URL', 'http://x', { alerter: { webhook: { url: 'http://x' } } }],
    ['ALERTER__LIMITS', '{"a":{"perMinute":3}}', { alerter: { limits: { a: { perMinute: 3 } } } }],
  ])('%s=%s', (name, text, expected) => {
    expect(load({ environment: { [`TAPWARDEN_${name}`]: text } })).toMatchObject(expected)
  })
})

describe('what is wrong is named, where it came from, and what was meant', () => {
  it.each<[Omit<ConfigSources, 'environmentPrefix'>, string, string]>([
    [
      file('capture: { flowMaxCoun: 1 }'),
      'unknown key capture.flowMaxCoun in tw.yaml; did you mean capture.flowMaxCount?',
      'a slip',
    ],
    [
      file('flowMaxCount: 1'),
      'unknown key flowMaxCount in tw.yaml; did you mean capture.flowMaxCount?',
      'the right key in the wrong place',
    ],
    [file('{"zzzzzzzzzz": 1}'), 'unknown key zzzzzzzzzz in tw.yaml', 'nothing is near: no bad advice'],
    [file('__proto__: { a: 1 }'), 'unknown key __proto__ in tw.yaml', 'a key like any other'],
    [
      file('alerter: { edges: [{ name: a, passwort: b }] }'),
      'unknown key alerter.edges.0.passwort in tw.yaml; did you mean alerter.edges.0.password?',
      'inside a list',
    ],
    [file('alerter: { limits: { a: { perMinutes: 1 } } }'), 'did you mean alerter.limits.a.perMinute?', 'inside a map'],
    [
      file('capture: { flowMaxCount: many }'),
      'capture.flowMaxCount in tw.yaml: Invalid input: expected number',
      'a wrong type',
    ],
    [file('capture: 3'), 'capture in tw.yaml: Invalid input: expected object', 'a wrong type above'],
    [file('- 1'), 'the configuration in tw.yaml is not a map of keys', 'a list at the top'],
    [file('a: [1'), 'tw.yaml: line 1 is neither YAML nor JSON', 'not YAML'],
    [
      { environment: { TAPWARDEN_CAPTURE__FLOW_MAX_CONT: '1' } },
      'unknown variable TAPWARDEN_CAPTURE__FLOW_MAX_CONT in the environment; did you mean TAPWARDEN_CAPTURE__FLOW_MAX_COUNT?',
      'a slip in a variable',
    ],
    [
      { environment: { TAPWARDEN_CAPTURE__FLOW_MAX_COUNT: 'lots' } },
      'capture.flowMaxCount from TAPWARDEN_CAPTURE__FLOW_MAX_COUNT: Invalid input: expected number',
      'a wrong type in a variable',
    ],
    [
      { flags: [{ flag: '--flows', path: ['capture', 'flowMaxCount'], value: -1 }] },
      'capture.flowMaxCount from --flows: Too small',
      'out of range in a flag',
    ],
    [
      { ...file('capture: { flowMaxCount: x }'), environment: { TAPWARDEN_CAPTURE__FLOW_MAX_COUNT: 'y' } },
      'from TAPWARDEN_CAPTURE__FLOW_MAX_COUNT:',
      'the source that counts is blamed',
    ],
  ])('%j → %s: %s', (sources, expected, _why) => {
    expect(messageOf(() => load(sources))).toContain(expected)
  })

  it('lists everything at once, and no value', () => {
    const message = messageOf(() => load(file('alerter: { webhook: { url: 5, secret: [hunter2] }, colour: hunter2 }')))
    expect(message.split('\n')).toHaveLength(4)
    expect(message).not.toContain('hunter2')
  })

  it.each(['', '# nothing', 'capture:', '{}'])('%j is an empty configuration', (text) => {
    expect(load(file(text)).capture.flowMaxCount).toBe(1000)
  })

  it('leaves variables alone that are no configuration', () => {
    expect(() =>
      load({ environment: { TAPWARDEN_CONFIG: 'x' }, environmentOthers: ['TAPWARDEN_CONFIG'] }),
    ).not.toThrow()
    expect(() => load({ environment: { TAPWARDEN_CONFIG: 'x' } })).toThrow(/TAPWARDEN_CONFIG/)
  })
})

it('prints the configuration without its secrets', () => {
  const text = 'alerter: { webhook: { url: http://x, secret: hunter2 }, edges: [{ name: a, password: hunter2 }] }'
  const printed = JSON.stringify(printableConfig(schema, load(file(text))))
  expect(printed).not.toContain('hunter2')
  expect(printed).toContain('"url":"http://x","secret":"[redacted]"')
  expect(printed).toContain('"name":"a","password":"[redacted]"')
})
