/** Header or trailer fields as they stood on the wire: offsets into the head's bytes; strings are made only when asked for. */

export interface FieldList {
  /** Fields in wire order, each line one field. */
  readonly count: number
  /** Lower-case name of a field. */
  name(index: number): string
  /** Value without surrounding white space, as Latin-1. */
  value(index: number): string
  /** First value of a field by its lower-case name, or undefined. */
  first(lowerCaseName: string): string | undefined
}
