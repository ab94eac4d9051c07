/**
 * Huffman-coded strings of HPACK. RFC 7541 §5.2, Appendix B.
 *
 * The code is canonical: codes follow from their lengths, in order of length, then of symbol. Decoding goes by half octets through a table:
 * no code is shorter than five bits, so each half ends at most one symbol.
 */

/** Bits of the code of each octet, and last of EOS. RFC 7541 Appendix B. */
const codeBits: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28,
  28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6,
  5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23,
  22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22,
  23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26,
  20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27,
  27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27,
  27, 27, 27, 26, 30,
]

const eos = 256
const bitsMax = 30
/** Decoded octets for each encoded one, at most: no code is shorter than five bits. */
export const huffmanExpansion = 8 / 5

/** A step of the table: the state behind it, and the octet that it ended, or one of these. */
const noSymbol = 256
const endOfString = 257
const stepsPerState = 16

/** `state * 16 + half octet` → `next state << 9 | octet, noSymbol or endOfString`. */
const steps = stepTable()
/** States in which a string may end: up to seven bits of the code of EOS were read, all of them ones. RFC 7541 §5.2. */
const isFinal = finalStates()

/**
 * Decodes `bytes[from, to)` into `out` from `at` on, which must have room for `huffmanExpansion` times as much. Index behind the last
 * octet; negative (`~index`) if the string ends within a code, in padding that is none, or has EOS in it: what was read of it holds.
 */
export function decodeHuffman(bytes: Uint8Array, from: number, to: number, out: Uint8Array, at: number): number {
  let end = at
  let state = 0
  for (let i = from; i < to; i++) {
    const octet = bytes[i]! // In range by the loop condition.
    let step = steps[state * stepsPerState + (octet >> 4)]!
    let symbol = step & 0x1ff
    if (symbol < noSymbol) out[end++] = symbol
    else if (symbol === endOfString) return ~end
    step = steps[(step >> 9) * stepsPerState + (octet & 15)]!
    symbol = step & 0x1ff
    if (symbol < noSymbol) out[end++] = symbol
    else if (symbol === endOfString) return ~end
    state = step >> 9
  }
  return isFinal[state] === 1 ? end : ~end
}

/** The tree of codes: two children for each inner node; `~symbol` for a leaf. Node 0 is the root. */
function codeTree(): Int32Array {
  const tree = new Int32Array(2 * codeBits.length)
  let nodeCount = 1
  let code = 0
  for (let bits = 1; bits <= bitsMax; bits++, code *= 2) {
    for (let symbol = 0; symbol <= eos; symbol++) {
      if (codeBits[symbol] !== bits) continue
      let node = 0
      for (let bit = bits - 1; bit >= 0; bit--) {
        const child = node * 2 + (Math.floor(code / 2 ** bit) & 1)
        if (bit === 0) tree[child] = ~symbol
        else if (tree[child] === 0) tree[child] = nodeCount++
        node = tree[child]!
      }
      code++
    }
  }
  return tree
}

function stepTable(): Int32Array {
  const tree = codeTree()
  const table = new Int32Array((tree.length / 2) * stepsPerState)
  for (let state = 0; state < tree.length / 2; state++) {
    for (let half = 0; half < stepsPerState; half++) {
      let node = state
      let symbol = noSymbol
      for (let bit = 3; bit >= 0 && symbol !== endOfString; bit--) {
        node = tree[node * 2 + ((half >> bit) & 1)]!
        if (node >= 0) continue
        symbol = ~node === eos ? endOfString : ~node
        node = 0
      }
      table[state * stepsPerState + half] = (node << 9) | symbol
    }
  }
  return table
}

function finalStates(): Uint8Array {
  const tree = codeTree()
  const final = new Uint8Array(tree.length / 2)
  for (let node = 0, bits = 0; bits <= 7; bits++) {
    final[node] = 1
    node = tree[node * 2 + 1]!
  }
  return final
}
