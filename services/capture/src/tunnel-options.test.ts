import { expect, it } from 'vitest'
import { type TunnelKind, tunnelPorts } from './sources/tunnel-datagram.js'
import { isRead, ownPortOf, tunnelOptionsOf, tunnelsSchema } from './tunnel-options.js'

it('reads every tunnel on its own ports, to a depth of eight, and tells no networks apart, unless told otherwise', () => {
  const { tunnels, networks } = tunnelOptionsOf(tunnelsSchema.parse({}))
  expect(tunnels.tunnelMaxCount).toBe(8)
  const claimed = [...(tunnels.udpTunnels ?? [])].flatMap((code, port) => (code > 0 && port > 0 ? [port] : []))
  expect(claimed).toEqual([1_701, 2_152, 3_544, 4_754, 4_789, 4_790, 5_072, 6_081, 6_635, 8_472])
  expect(networks).toEqual({ byVlan: false, byVni: false })
})

it('takes other ports, and none', () => {
  const { tunnels } = tunnelOptionsOf(tunnelsSchema.parse({ ports: { vxlan: [48_879], geneve: [] } }))
  const table = tunnels.udpTunnels ?? new Uint8Array(0)
  expect([table[48_879], table[4_789], table[6_081], table[2_152]]).toEqual([10, 0, 0, 13])
})

it('refuses what can only be a mistake', () => {
  expect(tunnelsSchema.safeParse({ maxCount: 17 }).success).toBe(false)
  expect(tunnelsSchema.safeParse({ ports: { vxlan: [0] } }).success).toBe(false)
  expect(tunnelsSchema.safeParse({ ports: { carrier_pigeon: [1] } }).success).toBe(false)
  const { error } = tunnelsSchema.safeParse({ ports: { vxlan: [6_081] } })
  expect(error?.issues).toMatchObject([{ path: ['ports', 'geneve'], message: 'port 6081 is that of vxlan, too' }])
  expect(tunnelsSchema.safeParse({ ports: { vxlan: [6_081], geneve: [6_082] } }).success).toBe(true)
})

it.each<[object, boolean]>([
  [{}, true],
  [{ ports: { geneve: [] } }, true],
  [{ ports: { vxlan: [48_879, 4_789] } }, true],
  [{ ports: { vxlan: [48_879] } }, false],
  [{ ports: { vxlan: [] } }, false],
  [{ maxCount: 0 }, false],
])('with %j, what a VXLAN listener takes is read: %s', (config, isExpected) => {
  expect(isRead(tunnelsSchema.parse(config), 'vxlan')).toBe(isExpected)
  expect(['vxlan', 'vxlan-gpe', 'geneve'].map((kind) => ownPortOf(kind as TunnelKind))).toEqual(
    Object.values(tunnelPorts),
  )
})
