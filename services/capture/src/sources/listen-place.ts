/** Where a mirror is to be listened for, as people write it: `vxlan://0.0.0.0:4789`, `geneve://[::]`. Pure. */

import { isIP } from 'node:net'
import { FrameSourceError } from './frame-source.js'
import { type TunnelKind, tunnelKinds, tunnelPorts } from './tunnel-datagram.js'

export interface ListenPlace {
  readonly kind: TunnelKind
  /** An IP address. */
  readonly host: string
  /** 0 is any free one. */
  readonly port: number
}

const form =
  'write vxlan://ADDRESS:PORT, geneve://ADDRESS:PORT or vxlan-gpe://ADDRESS:PORT, for example vxlan://0.0.0.0:4789'

/** Without a port, the one that IANA gave the tunnel. Throws `FrameSourceError`. */
export function parseListenPlace(text: string): ListenPlace {
  const [, kindText = '', v6, v4, portText] =
    /^([a-z-]+):\/\/(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+))(?::([0-9]{1,5}))?\/?$/.exec(text) ?? []
  const kind = tunnelKinds.find((each) => each === kindText)
  const host = v6 ?? v4 ?? ''
  if (kind === undefined || isIP(host) !== (v6 === undefined ? 4 : 6)) {
    throw new FrameSourceError('listen-invalid', `${text}: ${form}`)
  }
  const port = portText === undefined ? tunnelPorts[kind] : Number(portText)
  if (port > 65_535) throw new FrameSourceError('listen-invalid', `${text}: a port is at most 65535; ${form}`)
  return { kind, host, port }
}

export function listenPlaceText({ kind, host, port }: ListenPlace): string {
  return `${kind}://${isIP(host) === 6 ? `[${host}]` : host}:${port}`
}
