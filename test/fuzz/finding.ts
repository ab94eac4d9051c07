/** A finding as files: the frames that show it, as a capture, and how to see it again. */

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PcapReader } from '@tapwarden/pcap/pcap-reader'
import { writePcapng } from '@tapwarden/pcap/pcap-writer'
import type { ComplaintKind } from './check-case.js'
import type { FuzzFrame } from './fuzz-frame.js'

/** `hang`, `died`, `slow` and `memory` are seen from outside the process that ran the case. */
export type FindingKind = ComplaintKind | 'hang' | 'died' | 'slow' | 'memory'

export interface Finding {
  readonly caseIndex: number
  readonly kind: FindingKind
  readonly detail: string
  /** What is written: all frames of the case, or those that were left when it was made smaller. */
  readonly packetCount: number
  /** False: it took the cases before it, too. Run the seed from the first case of its block of 64 on. */
  readonly reproducesAlone: boolean
  readonly file: string
}

export interface FindingPlace {
  readonly folder: string
  readonly seed: number
  readonly captures: readonly string[]
}

export function writeFinding(
  found: Omit<Finding, 'file' | 'packetCount'>,
  frames: readonly FuzzFrame[],
  place: FindingPlace,
): Finding {
  mkdirSync(place.folder, { recursive: true })
  const name = join(place.folder, `${found.kind}-${place.seed}-${found.caseIndex}`)
  const linkTypes = [...new Set(frames.map(({ linkType }) => linkType))]
  const interfaces = linkTypes.map((linkType) => ({ linkType }))
  const written = frames.map(({ bytes, timestampUs, linkType }) => ({
    bytes,
    timestampUs,
    interfaceIndex: linkTypes.indexOf(linkType),
  }))
  writeFileSync(`${name}.pcapng`, writePcapng(written, { interfaces }))
  const finding = { ...found, packetCount: frames.length, file: `${name}.pcapng` }
  const again = [
    `npm run fuzz -- --seed ${place.seed} --case ${found.caseIndex} ${place.captures.join(' ')}`.trimEnd(),
    `npm run fuzz -- --read ${name}.pcapng`,
  ]
  writeFileSync(`${name}.json`, `${JSON.stringify({ ...finding, seed: place.seed, again }, undefined, 2)}\n`)
  return finding
}

/** Frames of a finding's capture, or of any other. */
export function framesOfCapture(bytes: Uint8Array): FuzzFrame[] {
  const frames: FuzzFrame[] = []
  const reader = new PcapReader({
    onFrame: ({ buffer, offset, end, timestampUs, linkType }) => {
      const copy = new Uint8Array(buffer.subarray(offset, end))
      frames.push({ bytes: copy, timestampUs, linkType, isClean: isCleanFrame(copy, linkType) })
    },
  })
  reader.push(bytes)
  reader.end()
  return frames
}

/** By the addresses that `fuzz-case` gives to clean flows alone. */
function isCleanFrame(bytes: Uint8Array, linkType: number): boolean {
  if (linkType !== 1 || bytes.length < 54) return false
  if (bytes[12] === 0x86 && bytes[13] === 0xdd)
    return bytes[22] === 0x26 && bytes[23] === 0x20 && bytes[26] === 0xc1 && bytes[27] === 0xea
  return bytes[12] === 8 && bytes[13] === 0 && bytes[26] === 172 && (bytes[27] === 29 || bytes[27] === 30)
}

/** Fewer frames for which `isStillWrong` holds, after at most `triesMax` tries: halves, quarters and so on are left out in turn. */
export function minimized(
  frames: readonly FuzzFrame[],
  isStillWrong: (frames: readonly FuzzFrame[]) => boolean,
  triesMax: number,
): readonly FuzzFrame[] {
  let kept = frames
  let tries = 0
  for (
    let size = Math.ceil(kept.length / 2);
    size >= 1 && tries < triesMax;
    size = size === 1 ? 0 : Math.ceil(size / 2)
  ) {
    for (let at = 0; at < kept.length && tries < triesMax; ) {
      const fewer = kept.toSpliced(at, size)
      tries++
      if (fewer.length > 0 && isStillWrong(fewer)) kept = fewer
      else at += size
    }
  }
  return kept
}
