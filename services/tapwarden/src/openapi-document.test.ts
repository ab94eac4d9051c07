import { expect, it } from 'vitest'
import { openApiDocument } from './openapi-document.js'

const operation = (method: string, path_template: string) => ({
  id: `${method}${path_template}`,
  method,
  path_template,
  auth_schemes: { bearer: '3', none: '1' },
  status_counts: { '200': '3', '404': '1' },
})

it('has parameters, contents, statuses and security, in one order whatever order the rows have', () => {
  const rows = [operation('POST', '/b/{bId}'), operation('GET', '/b/{bId}'), operation('PROPFIND', '/a')]
  const schemas = [
    {
      endpoint_id: 'POST/b/{bId}',
      direction: 'request',
      status: 0,
      content_kind: 'json',
      json_schema: '{"type":"object"}',
    },
    {
      endpoint_id: 'POST/b/{bId}',
      direction: 'response',
      status: 200,
      content_kind: 'json',
      json_schema: '{"type":"array"}',
    },
  ]
  const document = openApiDocument('shop.example', rows, schemas)
  expect(document).toMatchObject({
    openapi: '3.1.0',
    paths: {
      '/b/{bId}': {
        post: {
          parameters: [{ name: 'bId', in: 'path', required: true }],
          requestBody: { content: { 'application/json': { schema: { type: 'object' } } } },
          responses: { '200': { content: { 'application/json': { schema: { type: 'array' } } } }, '404': {} },
          security: [{ bearer: [] }],
        },
      },
    },
    components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
  })
  expect(Object.keys(document['paths'] as object)).toEqual(['/b/{bId}'])
  expect(JSON.stringify(openApiDocument('shop.example', rows.reverse(), schemas))).toBe(JSON.stringify(document))
})
