/** The Interface Description Block of pcapng: link type, snap length and clock of one interface. draft-ietf-opsawg-pcapng §4.2. */

import { type TimestampScale, timestampScale } from './timestamp-scale.js'

export interface CaptureInterface {
  readonly linkType: number
  /** 0 = no limit. */
  readonly snapBytes: number
  readonly toUs: TimestampScale
}

const fixedBytes = 8
const optionEnd = 0
const optionTsresol = 9
const optionTsoffset = 14

/** Reads the block body in `view[from, to)`; undefined when it is too short. Options that do not fit are ignored. */
export function parseInterface(
  view: DataView,
  from: number,
  to: number,
  littleEndian: boolean,
): CaptureInterface | undefined {
  if (to - from < fixedBytes) return undefined
  let resolution = 6
  let offsetSeconds = 0
  for (let at = from + fixedBytes; at + 4 <= to; ) {
    const code = view.getUint16(at, littleEndian)
    const bytes = view.getUint16(at + 2, littleEndian)
    const value = at + 4
    if (code === optionEnd || value + bytes > to) break
    if (code === optionTsresol && bytes === 1) resolution = view.getUint8(value)
    if (code === optionTsoffset && bytes === 8) offsetSeconds = Number(view.getBigInt64(value, littleEndian))
    at = value + ((bytes + 3) & ~3)
  }
  return {
    linkType: view.getUint16(from, littleEndian),
    snapBytes: view.getUint32(from + 4, littleEndian),
    toUs: timestampScale(resolution, offsetSeconds),
  }
}
