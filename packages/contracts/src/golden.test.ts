import { expect, it } from 'vitest'
import { decisionSchema, decisionTopic, goldenDecision } from './decision.js'
import { findingSchema, findingTopic, goldenFinding } from './finding.js'

it('the golden samples are valid and fill every field', () => {
  expect(findingTopic.parse(goldenFinding)).toEqual(goldenFinding)
  expect(Object.keys(goldenFinding).sort()).toEqual(Object.keys(findingSchema.shape).sort())
  expect(decisionTopic.parse(goldenDecision)).toEqual(goldenDecision)
  expect(Object.keys(goldenDecision).sort()).toEqual(Object.keys(decisionSchema.shape).sort())
})
