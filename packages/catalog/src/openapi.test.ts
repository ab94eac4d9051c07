import { Validator } from '@seriousme/openapi-schema-validator'
import { expect, it } from 'vitest'
import { type EndpointFacts, endpointFacts } from './endpoint-facts.js'
import { HostCatalog } from './host-catalog.js'
import { openApiOf } from './openapi.js'
import { sampleTransaction } from './transaction-sample.js'

function learned() {
  const catalog = new HostCatalog('api.example')
  for (let i = 1; i < 30; i++) {
    catalog.observe(
      sampleTransaction(`/users/${i}`, {
        authScheme: 'bearer',
        query: i % 2 === 0 ? [['page', 'str f=digits n=1']] : [],
        responseShape: { id: 'int n=1', email: 'str f=email s=email', __proto__x: 'null', tags: [1, 'str'] },
      }),
    )
    catalog.observe(sampleTransaction(`/users/${i}`, { status: 404, responseShape: { error: 'str' } }))
    catalog.observe(
      sampleTransaction('/users', {
        method: 'POST',
        status: 201,
        authScheme: 'api-key',
        accessTokenName: 'x-api-key',
        requestContentKind: 'json',
        requestContentType: 'application/json; charset=utf-8',
        requestShape: { email: 'str f=email' },
        responseShape: { id: 'int' },
      }),
    )
    catalog.observe(
      sampleTransaction(`/files/${i}.json`, { method: 'DELETE', status: 204, responseContentKind: 'none' }),
    )
  }
  catalog.decide(0, true)
  return catalog.endpoints().map(endpointFacts)
}

it('is valid OpenAPI 3.1, whatever order the endpoints came in', async () => {
  const facts = learned()
  const document = openApiOf('api.example', facts, { schemes: ['http', 'https'] })
  expect(openApiOf('api.example', [...facts].reverse(), { schemes: ['https', 'http'] })).toEqual(document)
  const result = await new Validator().validate(structuredClone(document))
  expect(result).toMatchObject({ valid: true })
  expect(document).toMatchObject({
    openapi: '3.1.0',
    info: { title: 'api.example', description: 'Learned from traffic by Tapwarden.' },
    servers: [{ url: 'https://api.example' }, { url: 'http://api.example' }],
    paths: {
      '/users': { post: { requestBody: { required: true }, security: [{ 'apiKey-header-x-api-key': [] }] } },
      '/users/{userId}': {
        get: {
          parameters: [
            { name: 'userId', in: 'path', required: true, schema: { type: 'integer' } },
            { name: 'page', in: 'query', schema: { type: 'integer' } },
          ],
          security: [{ bearer: [] }],
          responses: { 200: { description: 'Seen 29 times' }, 404: { description: 'Seen 29 times' } },
        },
      },
      '/files/{fileId}.json': { delete: { responses: { 204: {} } } },
    },
  })
})

const facts: EndpointFacts = {
  id: '00112233445566ff',
  host: 'api.example',
  method: 'POST',
  pathTemplate: '/login',
  count: 4_740,
  authSchemes: { none: 3_988, cookie: 10 },
  accessTokenPlaces: {},
  statusCounts: {},
  pathSchema: {},
  querySchema: {},
  requestRequired: false,
  requests: [],
  responses: [],
}

it.each([
  [{}, {}, 'none needed, although a few clients send a cookie to everything'],
  [{ authSchemes: { none: 1_000, bearer: 3_740 } }, { security: [{ bearer: [] }, {}] }, 'one or none'],
  [{ authSchemes: { none: 50, bearer: 4_690 } }, { security: [{ bearer: [] }] }, 'a mistake of a few'],
])('%j → %j: %s', async (change, expected, _why) => {
  const document = openApiOf('api.example', [{ ...facts, ...change }])
  expect(document['servers']).toEqual([{ url: '//api.example' }])
  expect(document['paths']).toEqual({
    '/login': {
      post: { operationId: facts.id, responses: { default: { description: 'No response was seen' } }, ...expected },
    },
  })
  expect(await new Validator().validate(structuredClone(document))).toMatchObject({ valid: true })
})

it('leaves out methods that OpenAPI has no place for', () => {
  expect(openApiOf('api.example', [{ ...facts, method: 'PROPFIND' }])['paths']).toEqual({})
})
