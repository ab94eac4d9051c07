/**
 * Schema trees → JSON Schema 2020-12. Says only what the counts show: required = always there, nullable = null seen, format = every
 * string had it, map = keys keep changing while their values stay alike.
 *
 * Values never left the sensor, so an enumeration has a size and no words: `x-distinct-count`.
 */

import type { SchemaTree } from './schema-tree.js'
import { emptySchemaTree, mergeSchemaTree } from './schema-tree.js'

export interface JsonSchema {
  readonly [keyword: string]: unknown
}

export const schemaNodesMaxCount = 2_000
/** Objects seen before keys that come and go make a map of them. */
const mapObjectsMinCount = 3
const mapKeysMinCount = 6
/** From so many values on a small number of distinct ones is no chance. */
const enumValuesMinCount = 20
const enumDistinctMaxCount = 16

const jsonTypes: Readonly<Record<string, string>> = {
  null: 'null',
  bool: 'boolean',
  int: 'integer',
  num: 'number',
  str: 'string',
  text: 'string',
  xml: 'string',
  html: 'string',
  binary: 'string',
  object: 'object',
  array: 'array',
}
const schemaFormats = new Set(['uuid', 'date-time', 'date', 'email', 'uri', 'ipv4', 'ipv6'])

/** Deterministic: properties in order of their names. At most `schemaNodesMaxCount` nodes, deeper ones come out as `{}`. */
export function jsonSchemaOf(tree: SchemaTree): JsonSchema {
  let nodesLeft = schemaNodesMaxCount
  return schemaOf(tree)

  function schemaOf(node: SchemaTree): JsonSchema {
    if (--nodesLeft < 0) return {}
    const types = typesOf(node)
    const schema: Record<string, unknown> = {}
    if (types.length === 1) schema['type'] = types[0]
    else if (types.length > 1) schema['type'] = types
    const strings = node.types.get('str') ?? 0
    const format = soleFormat(node, strings)
    if (format !== undefined) schema['format'] = format
    if (node.types.has('binary')) schema['contentEncoding'] = 'binary'
    if (isEnumeration(node)) schema['x-distinct-count'] = node.distinct.size
    if (node.sensitive.size > 0) schema['x-sensitive'] = [...node.sensitive.keys()].sort()
    if (node.types.has('object')) objectKeywords(node, schema)
    if (node.types.has('array')) schema['items'] = node.items === undefined ? {} : schemaOf(node.items)
    return schema
  }

  function objectKeywords(node: SchemaTree, schema: Record<string, unknown>): void {
    if (isMap(node)) {
      schema['additionalProperties'] = schemaOf(mapValues(node))
      return
    }
    const objects = node.types.get('object') ?? 0
    const names = [...node.properties.keys()].sort()
    const properties: Record<string, JsonSchema> = {}
    const required: string[] = []
    for (const name of names) {
      const child = node.properties.get(name)
      if (child === undefined) continue
      define(properties, name, schemaOf(child))
      if (child.count >= objects) required.push(name)
    }
    if (names.length > 0) schema['properties'] = properties
    if (required.length > 0) schema['required'] = required
    if (node.other !== undefined) schema['additionalProperties'] = schemaOf(node.other)
  }
}

/** Sets an own property, `__proto__` included: names come from the wire. */
export function define(target: object, name: string, value: unknown): void {
  Object.defineProperty(target, name, { value, enumerable: true, configurable: true, writable: true })
}

function typesOf(node: SchemaTree): string[] {
  const types = new Set<string>()
  for (const type of node.types.keys()) {
    const jsonType = jsonTypes[type]
    if (jsonType !== undefined) types.add(jsonType)
  }
  if (types.has('number')) types.delete('integer')
  return [...types].sort()
}

function soleFormat(node: SchemaTree, strings: number): string | undefined {
  if (strings === 0 || node.formats.size !== 1) return undefined
  for (const [format, count] of node.formats) if (count >= strings && schemaFormats.has(format)) return format
  return undefined
}

function isEnumeration(node: SchemaTree): boolean {
  const strings = node.types.get('str') ?? 0
  if (strings < enumValuesMinCount || node.distinctOverflow) return false
  const distinct = node.distinct.size
  return distinct > 1 && distinct <= enumDistinctMaxCount && distinct * 6 <= strings
}

/** Keys that come and go: most stand in few of the objects, none in all, and every value is of the same type. */
export function isMap(node: SchemaTree): boolean {
  if (node.other !== undefined) return true
  const objects = node.types.get('object') ?? 0
  const keys = node.properties.size
  if (objects < mapObjectsMinCount || keys < mapKeysMinCount) return false
  const rareMaxCount = Math.max(1, objects * 0.15)
  let rareCount = 0
  const types = new Set<string>()
  for (const child of node.properties.values()) {
    if (child.count <= rareMaxCount) rareCount++
    if (child.count >= objects * 0.6) return false
    for (const type of typesOf(child)) if (type !== 'null') types.add(type)
  }
  // With fewer objects than keys an optional property looks rare too: ask for keys that look made up as well.
  return rareCount >= keys * 0.8 && types.size <= 1 && (keys >= objects || keys >= 40) && looksMadeUp(node)
}

/** Half of the keys hold a digit: `8b0a1eaa3a`, `order_17`. Names of properties rarely do. */
function looksMadeUp(node: SchemaTree): boolean {
  let count = 0
  for (const name of node.properties.keys()) {
    for (let i = 0; i < name.length; i++) {
      const code = name.charCodeAt(i)
      if (code >= 0x30 && code <= 0x39) {
        count++
        break
      }
    }
  }
  return count * 2 >= node.properties.size
}

function mapValues(node: SchemaTree): SchemaTree {
  const values = emptySchemaTree()
  for (const child of node.properties.values()) mergeSchemaTree(values, child)
  if (node.other !== undefined) mergeSchemaTree(values, node.other)
  return values
}
