/** A capture full of secrets: a shop under attack, so that findings, decisions and alerts exist, and an exchange for every place. */

import { type BuiltFrame, buildConversation } from '@tapwarden/net/frame-builder'
import { linkTypeEthernet, writePcap } from '@tapwarden/pcap/pcap-writer'
import { shopCapture } from '../faults/shop-capture.js'
import { Random } from '../random.js'
import { plantedExchanges } from './planted-secrets.js'

export interface CanaryCapture {
  readonly bytes: Uint8Array
  /** Secret → where it was planted. */
  readonly places: ReadonlyMap<string, string>
}

const server = { serverIp: '198.51.100.9', serverPort: 8_081 }
/** As sent; in segments that cut everything; and with a hole in it. */
const variants = [
  { segmentMaxBytes: 1_460, lostFrame: undefined },
  { segmentMaxBytes: 11, lostFrame: undefined },
  { segmentMaxBytes: 40, lostFrame: 6 },
] as const

export function canaryCapture(seed: number): CanaryCapture {
  const shop = shopCapture({ seed, minutes: 20 })
  const places = new Map<string, string>(shop.secrets.map((secret) => [secret, 'the shop']))
  const startUs = shop.frames[0]?.timestampUs ?? 0
  const frames: BuiltFrame[] = [...shop.frames]
  plantedExchanges(new Random(seed).fork('canaries')).forEach(({ place, secret, turns }, index) => {
    places.set(secret, place)
    const [userName] = secret.split('@')
    if (userName !== undefined && userName !== secret) places.set(userName, `${place}, its user name`)
    variants.forEach(({ segmentMaxBytes, lostFrame }, variant) => {
      const spec = { ...server, clientIp: `203.0.113.${1 + variant}`, clientPort: 2_000 + index, segmentMaxBytes }
      const built = buildConversation(spec, turns, startUs + index * 400_000 + variant * 100_000)
      frames.push(...built.filter((_, at) => at !== lostFrame))
    })
  })
  frames.sort((a, b) => a.timestampUs - b.timestampUs)
  return { bytes: writePcap(frames, { linkType: linkTypeEthernet }), places }
}
