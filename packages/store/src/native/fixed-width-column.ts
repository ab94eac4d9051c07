/** What columns of values of one width share: how many there are says where everything is, so that a value is taken back by counting. */

import type { LineBytes } from '@tapwarden/contracts/line-scanner'
import type { GrowingBytes } from './growing-bytes.js'
import type { Mark, NativeColumn } from './native-column.js'

export abstract class FixedWidthColumn implements NativeColumn {
  count = 0

  abstract read(bytes: Uint8Array, at: number, end: number): number
  abstract appendDefault(): void
  abstract writeTo(out: GrowingBytes): void

  take({ bytes }: LineBytes, from: number, to: number): boolean {
    const end = Math.abs(to)
    return this.read(bytes, from, end) === end
  }

  undo(): void {
    this.count--
  }

  mark(into: Mark): void {
    into.count = this.count
  }

  rewind(mark: Mark): void {
    this.count = mark.count
  }

  writePrefix(_out: GrowingBytes): void {}

  clear(): void {
    this.count = 0
  }
}
