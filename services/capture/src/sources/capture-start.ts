/** A capture looked at before it is read: whether it is one, and when it begins. Costs its first blocks. */

import { type PcapFault, PcapReader } from '@tapwarden/pcap/pcap-reader'
import { CaptureInput } from './capture-input.js'
import { FrameSourceError } from './frame-source.js'

export interface CaptureStart {
  /** Capture time of its first frame, where that is near its start. */
  readonly firstFrameUs: number | undefined
  /** Of the file as it is. */
  readonly totalBytes: number | undefined
}

/** Enough for any header that tells a capture from something else, and for the first frame. */
const startBytes = 65_536

/** Of a regular file: a pipe can be read once only. Throws `FrameSourceError` for what is no capture, or none that can be read. */
export async function lookAtCapture(path: string): Promise<CaptureStart> {
  const input = await CaptureInput.open(path, { blockBytes: startBytes })
  try {
    let firstFrameUs: number | undefined
    const reader = new PcapReader({
      onFrame: (frame) => {
        firstFrameUs ??= frame.timestampUs
      },
    })
    let seenBytes = 0
    for await (const block of input.blocks()) {
      seenBytes += block.length
      if (reader.push(block) !== undefined || firstFrameUs !== undefined || seenBytes >= startBytes) break
    }
    const fault = reader.end()
    if (fault?.code === 'empty' || fault?.code === 'not-a-capture') throw captureFault(input.name, fault)
    return { firstFrameUs, totalBytes: input.totalBytes }
  } finally {
    await input.close()
  }
}

/** What a person hears of `fault`, met while reading the capture called `name`. */
export function captureFault(name: string, fault: PcapFault): FrameSourceError {
  switch (fault.code) {
    case 'empty':
      return new FrameSourceError('empty', `${name} is empty`)
    case 'not-a-capture':
      return new FrameSourceError('not-a-capture', `${name} is neither pcap nor pcapng: ${fault.detail}`)
    case 'record-too-large':
      return new FrameSourceError('record-too-large', `${name} is damaged at byte ${fault.atBytes}: ${fault.detail}`)
    default:
      return new FrameSourceError('malformed-record', `${name} is damaged at byte ${fault.atBytes}: ${fault.detail}`)
  }
}
