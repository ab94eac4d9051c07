/** Which sensitive types stood where, counted: a bounded list, one entry a type and place. */

import type { SensitiveSighting } from '@tapwarden/contracts/transaction'
import type { SensitiveType } from '@tapwarden/sensitive-data/recognizers'
import type { ByteWriter } from './byte-writer.js'

export type SightingPlace = SensitiveSighting['in']

export const sightingsMaxCount = 64

interface Sighting {
  readonly type: SensitiveType
  readonly place: SightingPlace
  readonly name: string
  count: number
}

export class Sightings {
  readonly #list: Sighting[] = []

  get count(): number {
    return this.#list.length
  }

  clear(): void {
    if (this.#list.length > 0) this.#list.length = 0
  }

  /** Forgets what was seen at a place whose reading turned out to be wrong. */
  clearPlace(place: SightingPlace): void {
    for (let i = this.#list.length - 1; i >= 0; i--) if (this.#list[i]?.place === place) this.#list.splice(i, 1)
  }

  /** `name` is already fit to be published. What does not fit any more is dropped: the first places tell enough. */
  add(type: SensitiveType, place: SightingPlace, name: string): void {
    for (const sighting of this.#list) {
      if (sighting.type === type && sighting.place === place && sighting.name === name) {
        sighting.count++
        return
      }
    }
    if (this.#list.length < sightingsMaxCount) this.#list.push({ type, place, name, count: 1 })
  }

  write(writer: ByteWriter): void {
    writer.byte(0x5b)
    for (const [index, { type, place, name, count }] of this.#list.entries()) {
      writer.ascii(index === 0 ? '{"type":"' : ',{"type":"')
      writer.ascii(type)
      writer.ascii('","in":"')
      writer.ascii(place)
      writer.ascii('","name":')
      writer.jsonText(name)
      writer.ascii(',"count":')
      writer.int(count)
      writer.byte(0x7d)
    }
    writer.byte(0x5d)
  }
}
