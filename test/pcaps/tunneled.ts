/** What the makers of tunnel cases share: one connection a tunnel, each with a client port and a path of its own. */

import type { BuiltFrame } from '@tapwarden/net/frame-builder'
import { asEthernet, asIp, type Carried, fragmentsOf, type Wrap } from '@tapwarden/net/tunnel-builder'
import { client, conversation, get, ok, server } from './wire.js'

/** A request for `/name` and its answer, on a connection of its own. */
export function exchange(name: string, clientPort: number, content = name): BuiltFrame[] {
  return conversation([client(get(`/${name}`)), server(ok(content))], { clientPort })
}

export function wrapped(frames: readonly BuiltFrame[], wrap: Wrap): BuiltFrame[] {
  return frames.map(({ bytes, timestampUs }) => ({ timestampUs, bytes: asEthernet(wrap({ kind: 'ethernet', bytes })) }))
}

/** Each frame's IP packet in fragments of at most so many bytes. */
export function inFragments(frames: readonly BuiltFrame[], maxBytes: number, firstId: number): BuiltFrame[] {
  return frames.flatMap(({ bytes, timestampUs }, index) =>
    fragmentsOf(asIp({ kind: 'ethernet', bytes }), maxBytes, firstId + index).map((packet) => {
      const carried: Carried = { kind: 'ip', bytes: packet }
      return { timestampUs, bytes: asEthernet(carried) }
    }),
  )
}

/** One connection through each wrap of the list, one after the other. */
export function through(names: readonly string[], wraps: Readonly<Record<string, Wrap>>): BuiltFrame[] {
  return names.flatMap((name, index) => {
    const path = name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')
    return wrapped(exchange(path, 41_000 + index), wraps[name]!) // A name that is none fails the maker.
  })
}
