/** The part of `pcap-parser` (plain JavaScript) that the differential test uses. */
declare module 'pcap-parser' {
  import type { EventEmitter } from 'node:events'
  import type { Readable } from 'node:stream'

  export interface ParsedPacket {
    readonly header: {
      readonly timestampSeconds: number
      readonly timestampMicroseconds: number
      readonly capturedLength: number
      readonly originalLength: number
    }
    readonly data: Uint8Array
  }
  export function parse(input: string | Readable): EventEmitter
}
