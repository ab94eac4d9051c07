/** The record layer of TLS as numbers: RFC 8446 §5.1, RFC 5246 §6.2. */

export const recordHeaderBytes = 5
export const recordHandshake = 22
export const recordApplicationData = 23
