import { expect, it } from 'vitest'
import { defaultKeyFile, defaultStoreFolder, type Environment } from './default-folders.js'

it.each<[Environment, string, string]>([
  [{ HOME: '/home/a' }, '/home/a/.local/share/tapwarden', 'nothing set'],
  [{ HOME: '/home/a', XDG_DATA_HOME: '/data' }, '/data/tapwarden', 'the variable counts'],
  [{ HOME: '/home/a', XDG_DATA_HOME: 'data' }, '/home/a/.local/share/tapwarden', 'a relative path does not'],
  [{ HOME: '/root', STATE_DIRECTORY: '/var/lib/tapwarden:/var/lib/other' }, '/var/lib/tapwarden', 'systemd'],
])('%j → store %s: %s', (environment, folder, _why) => {
  expect(defaultStoreFolder(environment)).toBe(folder)
})

it('the key is outside the store', () => {
  expect(defaultKeyFile({ HOME: '/home/a' })).toBe('/home/a/.config/tapwarden/fleet.key')
  expect(defaultKeyFile({ CONFIGURATION_DIRECTORY: '/etc/tapwarden' })).toBe('/etc/tapwarden/fleet.key')
})

it('says what to give when there is no home', () => {
  expect(() => defaultStoreFolder({})).toThrow(/--store DIR/)
})
