/** What the catalog reads of a transaction: all that must be read back from the store to learn again. */

import type { HttpTransaction } from '@tapwarden/contracts/transaction'

export type CatalogTransaction = Pick<
  HttpTransaction,
  | 'id'
  | 'observedAtUs'
  | 'method'
  | 'host'
  | 'path'
  | 'pathTokens'
  | 'query'
  | 'authScheme'
  | 'accessTokenName'
  | 'loginUserToken'
  | 'requestContentType'
  | 'requestContentKind'
  | 'requestShape'
  | 'status'
  | 'responseContentType'
  | 'responseContentKind'
  | 'responseContentBytes'
  | 'responseShape'
  | 'edgeDecisionId'
  | 'sensitive'
  | 'anomalies'
>
