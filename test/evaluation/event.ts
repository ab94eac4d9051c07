/** Events of simulated traffic, light enough for hundreds of thousands, and the transactions that a sensor would publish of them. */

import type { HttpTransaction } from '@tapwarden/contracts/transaction'
import type { FindingEndpoint } from '@tapwarden/detection/detector'

export type Truth = 'benign' | 'attack'

export interface Event {
  readonly atS: number
  readonly truth: Truth
  readonly address: string
  readonly fingerprint: number
  readonly kind: 'login' | 'browse' | 'partner'
  readonly status: number
  readonly user?: number | string
  readonly password?: string
  readonly session?: string
  readonly accessToken?: string
  readonly edgeDecisionId?: string
}

const startUs = 1_790_000_000_000_000

/** How an application answers a login. */
export interface LoginStyle {
  readonly failureStatus: number
  readonly failureShape: object
  readonly successShape: object
  readonly setCookieNames: readonly string[]
}

export const plainStyle: LoginStyle = {
  failureStatus: 401,
  failureShape: { error: 'str n=5' },
  successShape: { user: 'str n=4' },
  setCookieNames: ['sid'],
}

/** 200 for everything, no cookie, no telling name: only what clients do next says which is which. */
export const opaqueStyle: LoginStyle = {
  failureStatus: 200,
  failureShape: { code: 'int n=2', text: 'str n=5' },
  successShape: { code: 'int n=1', profile: 'str n=6' },
  setCookieNames: [],
}

export const endpoints: Readonly<Record<Event['kind'], FindingEndpoint>> = {
  login: { id: '00000000000000a1', host: 'shop.example', method: 'POST', pathTemplate: '/api/login' },
  browse: { id: '00000000000000a2', host: 'shop.example', method: 'GET', pathTemplate: '/api/orders' },
  partner: {
    id: '00000000000000a3',
    host: 'shop.example',
    method: 'GET',
    pathTemplate: '/v1/stores/{storeId}/inventory',
  },
}

function hex(value: string | number, digits: number): string {
  let high = 0x811c9dc5
  const text = String(value)
  for (let i = 0; i < text.length; i++) high = Math.imul(high ^ text.charCodeAt(i), 0x01000193)
  const mixed = Math.imul(high ^ (high >>> 15), 0x2c1b3c6d) >>> 0
  return ((high >>> 0).toString(16).padStart(8, '0') + mixed.toString(16).padStart(8, '0')).repeat(2).slice(0, digits)
}

/** The transaction of an event; `index` makes its id. */
export function transactionOf(event: Event, index: number, style: LoginStyle = plainStyle): HttpTransaction {
  const endpoint = endpoints[event.kind]
  const answered = event.kind === 'login' && event.status < 500 && event.edgeDecisionId === undefined
  const success = answered && event.status === 200
  return {
    id: index.toString(16).padStart(32, '0'),
    flowId: '1:x',
    flowIndex: 0,
    observedAtUs: startUs + Math.round(event.atS * 1e6),
    durationUs: 1_000,
    clientIp: event.address,
    clientPort: 40_000,
    serverIp: '198.51.100.7',
    serverPort: 80,
    clientAddress: event.address,
    clientAddressSource: 'tcp-peer',
    clientAddressSpoofable: false,
    method: endpoint.method,
    scheme: 'http',
    host: endpoint.host,
    path: event.kind === 'partner' ? '/v1/stores/7/inventory' : endpoint.pathTemplate,
    pathTokens: [],
    query: [],
    httpVersion: '1.1',
    fingerprint: hex(`f${event.fingerprint}`, 16),
    requestContentKind: event.kind === 'login' ? 'json' : 'none',
    authScheme: event.accessToken === undefined ? 'none' : 'api-key',
    missedBytes: 0,
    truncated: false,
    midStream: false,
    weight: 1,
    status: answered && !success ? style.failureStatus : event.status,
    ...(event.user === undefined ? {} : { loginUserToken: `c1.${hex(`u${event.user}`, 32)}` }),
    ...(event.password === undefined ? {} : { loginPasswordToken: `c1.${hex(`p${event.password}`, 32)}` }),
    ...(event.session === undefined ? {} : { sessionToken: `a1.${hex(`s${event.session}`, 32)}` }),
    ...(event.accessToken === undefined ? {} : { accessToken: event.accessToken }),
    ...(event.edgeDecisionId === undefined ? {} : { edgeDecisionId: event.edgeDecisionId }),
    ...(answered ? { responseShape: success ? { ...style.successShape } : { ...style.failureShape } } : {}),
    ...(success && style.setCookieNames.length > 0 ? { setCookieNames: [...style.setCookieNames] } : {}),
  } as HttpTransaction
}
