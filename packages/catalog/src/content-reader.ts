/**
 * Reads a transaction's contents into schema trees: from the bytes of its line where it has one, else from the parsed shapes, with the same
 * result (a property test holds the one against the other).
 */

import { LineTransaction } from '@tapwarden/contracts/line-transaction'
import type { CatalogTransaction } from './catalog-transaction.js'
import { echoedSegments } from './echo.js'
import { QueryReader } from './query-reader.js'
import { addShape, type SchemaTree } from './schema-tree.js'
import { ShapeFolder } from './shape-folder.js'

export class ContentReader {
  readonly #folder = new ShapeFolder()
  readonly query = new QueryReader()
  /** Whose response the folder folded last. */
  #responseOf: CatalogTransaction | undefined

  addRequest(tree: SchemaTree, transaction: CatalogTransaction): void {
    this.#responseOf = undefined
    if (transaction instanceof LineTransaction) {
      const { record, requestShapeFrom, requestShapeTo } = transaction
      if (requestShapeFrom === 0) return
      if (this.#folder.fold(tree, record, requestShapeFrom, requestShapeTo)) return
    }
    if (transaction.requestShape !== undefined) addShape(tree, transaction.requestShape)
  }

  addResponse(tree: SchemaTree, transaction: CatalogTransaction): void {
    this.#responseOf = undefined
    if (transaction instanceof LineTransaction) {
      const { record, responseShapeFrom, responseShapeTo } = transaction
      if (responseShapeFrom === 0) return
      if (this.#folder.fold(tree, record, responseShapeFrom, responseShapeTo)) {
        this.#responseOf = transaction
        return
      }
    }
    if (transaction.responseShape !== undefined) addShape(tree, transaction.responseShape)
  }

  /** See echo.ts. Cheap for the transaction whose response was added last. */
  echoedSegments(transaction: CatalogTransaction, segmentCount: number): boolean[] | undefined {
    if (this.#responseOf !== transaction) return echoedSegments(transaction, segmentCount)
    if (transaction instanceof LineTransaction) {
      const echoed = this.#folder.echoedAt(transaction.pathTokensFrom, segmentCount)
      if (echoed !== 'unread') return echoed
    }
    const { pathTokens } = transaction
    return pathTokens.length === segmentCount ? this.#folder.echoed(pathTokens) : undefined
  }
}
