/**
 * Views of whole buffers, for reading words at `byteOffset` and an index. The last two are kept: nearly all bytes that follow each other stand in
 * the same block of packets, the same content, or a scratch. They keep these buffers alive.
 */

let lastBuffer: ArrayBufferLike = new ArrayBuffer(0)
let lastView: DataView = new DataView(lastBuffer)
let otherBuffer: ArrayBufferLike = lastBuffer
let otherView: DataView = lastView

export function viewOf(buffer: ArrayBufferLike): DataView {
  if (buffer !== lastBuffer) {
    const view = buffer === otherBuffer ? otherView : new DataView(buffer)
    otherBuffer = lastBuffer
    otherView = lastView
    lastBuffer = buffer
    lastView = view
  }
  return lastView
}
