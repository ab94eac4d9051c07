/** 32-bit serial arithmetic: TCP sequence numbers wrap, so that "before" means "less than half the circle behind". RFC 9293 §3.4. */

/** `seq + bytes`, modulo 2^32, as an unsigned number. */
export function seqAdd(seq: number, bytes: number): number {
  return (seq + bytes) >>> 0
}

/** Bytes from `from` forward to `to`: in [-2^31, 2^31), negative when `to` lies behind. */
export function seqDistance(from: number, to: number): number {
  return (to - from) | 0
}
