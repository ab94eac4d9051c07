/**
 * Every tunnel by name and code, and the UDP ports that make us look for one. A code is an index into `tunnelNames`, so that a frame is
 * described by numbers; names are for people and records, and never change their meaning.
 */

export const tunnelNames = [
  'none',
  'mpls',
  'pseudowire',
  'pppoe',
  'ip-in-ip',
  '6in4',
  'gre',
  'nvgre',
  'pptp',
  'erspan',
  'vxlan',
  'vxlan-gpe',
  'geneve',
  'gtp-u',
  'teredo',
  'ayiya',
  'nsh',
  'mac-in-mac',
  'etherip',
  'l2tp',
] as const

export type TunnelName = (typeof tunnelNames)[number]

export const noTunnel = 0
export const tunnelMpls = 1
export const tunnelPseudowire = 2
export const tunnelPppoe = 3
export const tunnelIpInIp = 4
export const tunnel6in4 = 5
export const tunnelGre = 6
export const tunnelNvgre = 7
export const tunnelPptp = 8
export const tunnelErspan = 9
export const tunnelVxlan = 10
export const tunnelVxlanGpe = 11
export const tunnelGeneve = 12
export const tunnelGtpU = 13
export const tunnelTeredo = 14
export const tunnelAyiya = 15
export const tunnelNsh = 16
export const tunnelMacInMac = 17
export const tunnelEtherIp = 18
export const tunnelL2tp = 19

/** Headers nested in one frame: eight is more than any network that we know of, and a loop of nesting costs an attacker more than us. */
export const tunnelDefaultMaxCount = 8
/** How deep it may be configured. */
export const tunnelLimitCount = 16
/** One layer may be two headers before their number is looked at. */
export const tunnelSlotsCount = tunnelLimitCount + 2

/** What runs over UDP, by name, and on which ports it is looked for. */
export type UdpTunnelPorts = Readonly<Partial<Record<UdpTunnelName, readonly number[]>>>
export type UdpTunnelName = (typeof udpTunnelNames)[number]
export const udpTunnelNames = [
  'vxlan',
  'vxlan-gpe',
  'geneve',
  'gtp-u',
  'teredo',
  'ayiya',
  'l2tp',
  'gre',
  'mpls',
] as const satisfies readonly TunnelName[]

/** By IANA, and 8472 of Linux before the port was assigned. Teredo is known by its addresses on all other ports, too. */
export const udpTunnelDefaultPorts: Readonly<Record<UdpTunnelName, readonly number[]>> = {
  vxlan: [4_789, 8_472],
  'vxlan-gpe': [4_790],
  geneve: [6_081],
  'gtp-u': [2_152],
  teredo: [3_544],
  ayiya: [5_072],
  l2tp: [1_701],
  gre: [4_754],
  mpls: [6_635],
}

/** Port → code; what `ports` does not name has its default, and an empty list turns a tunnel off. */
export function udpTunnelTable(ports: UdpTunnelPorts = {}): Uint8Array {
  const table = new Uint8Array(65_536)
  for (const name of udpTunnelNames) {
    for (const port of ports[name] ?? udpTunnelDefaultPorts[name]) table[port] = tunnelNames.indexOf(name)
  }
  // Port 0 carries nothing, so its place says whether Teredo is looked for on every port.
  table[0] = (ports.teredo ?? udpTunnelDefaultPorts.teredo).length > 0 ? tunnelTeredo : noTunnel
  return table
}

export const defaultUdpTunnels = udpTunnelTable()
