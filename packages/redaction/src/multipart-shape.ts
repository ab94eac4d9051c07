/**
 * `multipart/form-data` (RFC 7578, RFC 2046 §5.1) → the shape object of its parts: part names, text parts as string leaves, parts with a file
 * name or a type of their own as `binary`. File names are never published.
 */

import { scanSensitive } from '@tapwarden/sensitive-data/recognizers'
import type { ByteWriter } from './byte-writer.js'
import type { FieldShaper } from './form-shape.js'
import { writeBlockLeaf } from './leaf.js'
import type { SightingPlace, Sightings } from './sightings.js'

const boundaryMaxBytes = 200 // RFC 2046 allows 70; some clients take more.
const partHeadMaxBytes = 4_096
const partsMaxCount = 128
const fileScanMaxCount = 16

/** The boundary of a content type's value, or undefined. */
export function boundaryOf(contentType: string): string | undefined {
  const match = /;\s*boundary=(?:"([^"]{1,200})"|([^\s;]{1,200}))/i.exec(contentType)
  return match?.[1] ?? match?.[2]
}

/** Writes the shape of the parts in `content`. False when the boundary is not there at all. A part that the content's end cuts is left out. */
export function shapeMultipart(
  fields: FieldShaper,
  writer: ByteWriter,
  sightings: Sightings,
  content: Uint8Array,
  boundary: string,
  place: SightingPlace,
): boolean {
  if (boundary.length > boundaryMaxBytes) return false
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.length)
  const delimiter = `--${boundary}`
  let at = bytes.indexOf(delimiter, 0, 'latin1')
  if (at < 0) return false
  fields.start(place)
  for (let partCount = 0; partCount < partsMaxCount; partCount++) {
    const headFrom = at + delimiter.length
    at = bytes.indexOf(`\r\n${delimiter}`, headFrom, 'latin1')
    const headEnd = bytes.indexOf('\r\n\r\n', headFrom, 'latin1')
    if (at < 0 || headEnd < 0 || headEnd > at || headEnd - headFrom > partHeadMaxBytes) break
    shapePart(fields, writer, sightings, bytes, bytes.toString('latin1', headFrom, headEnd), headEnd + 4, at, place)
    at += 2
  }
  fields.finish()
  return true
}

function shapePart(
  fields: FieldShaper,
  writer: ByteWriter,
  sightings: Sightings,
  bytes: Buffer,
  head: string,
  from: number,
  to: number,
  place: SightingPlace,
): void {
  const name = parameter(head, 'name') ?? ''
  const type = /^content-type:\s*([^\s;]*)/im.exec(head)?.[1]?.toLowerCase()
  const isFile = parameter(head, 'filename') !== undefined || (type !== undefined && type !== 'text/plain')
  // One buffer for name and value, as the fields of a form have it.
  const joined = Buffer.concat([Buffer.from(name, 'latin1'), bytes.subarray(from, to)])
  if (!isFile) {
    fields.field(joined, 0, name.length, name.length, joined.length)
    return
  }
  fields.field(joined, 0, name.length, name.length, name.length, (publicName) => {
    writeBlockLeaf(writer, 'binary', to - from, undefined)
    scanSensitive(bytes, from, to, fileScanMaxCount, (found) => sightings.add(found, place, publicName))
  })
}

/** A parameter of Content-Disposition, quoted or not; also its extended form, whose value is not needed. */
function parameter(head: string, name: string): string | undefined {
  const match = new RegExp(
    `^content-disposition:[^\\r\\n]*;\\s*${name}\\*?=(?:"((?:[^"\\\\\\r\\n]|\\\\.)*)"|([^\\s;]*))`,
    'im',
  ).exec(head)
  return match === null ? undefined : (match[1] ?? match[2] ?? '')
}
