/** What the engine's child process and its parent say to each other over their IPC channel. */

import type { StoreEndpoint } from './endpoint-file.js'
import type { EngineLimits } from './engine-config.js'

export interface StartMessage {
  readonly kind: 'start'
  readonly storeDir: string
  /** 0: any free port. */
  readonly port: number
  readonly limits: EngineLimits
}

export type ToEngine = StartMessage | { readonly kind: 'stop' }

export type FromEngine =
  | { readonly kind: 'ready'; readonly endpoint: StoreEndpoint }
  /** `reason` in words for a person; `held` when another process has the folder's lock; `listenCode`: why the port cannot be had. */
  | { readonly kind: 'failed'; readonly held: boolean; readonly reason: string; readonly listenCode?: string }

export const serviceConcurrentCount = 6
export const readerConcurrentCount = 2
/** Read once, when the process starts: threads for the lanes above, and some for files and DNS. */
export const threadPoolSize = serviceConcurrentCount + readerConcurrentCount + 4
