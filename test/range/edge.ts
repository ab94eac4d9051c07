/** What stands before the shop: HAProxy where it is installed, else the Node edge. */

export interface Edge {
  /** `HAProxy 2.6.12`, `Node edge`. */
  readonly name: string
  /** The front port on loopback, the only one that is mirrored. */
  readonly port: number
  close(): Promise<void>
}
