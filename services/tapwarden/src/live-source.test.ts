import { captureConfigSchema } from '@tapwarden/service-capture/config'
import { expect, it } from 'vitest'
import { wantedSource } from './live-source.js'

const listen = { listen: ['vxlan://127.0.0.1:48879'] }

it.each([
  [{}, true, 'tunnels are read unless told otherwise'],
  [{ tunnels: { ports: { geneve: [] } } }, true, 'another tunnel is turned off'],
  [{ tunnels: { ports: { vxlan: [] } } }, false, 'it is turned off'],
  [{ tunnels: { ports: { vxlan: [48_879] } } }, false, 'what was taken there is read as if it came to port 4789'],
  [{ tunnels: { maxCount: 0 } }, false, 'no tunnel is read at all'],
])('with %j, a listener that may be had: %s, since %s', (config, isHad, _why) => {
  const want = () => wantedSource(listen, captureConfigSchema.parse(config))
  if (isHad) expect(want()).toMatchObject({ kind: 'listen', places: [{ kind: 'vxlan', port: 48_879 }] })
  else expect(want).toThrow('--listen vxlan: capture.tunnels does not read vxlan on port 4789')
})
