/**
 * The shop: an API with login, products, orders and a partner's inventory, as a function of a request and its state. The live
 * server and the seeded history answer with the same code, so that what is learned from one holds for the other.
 */

import { Random } from '../random.js'

export interface ShopRequest {
  readonly method: string
  /** Path and query. */
  readonly target: string
  /** Lower-case names. */
  readonly fields: Readonly<Record<string, string>>
  readonly content: string
}

export interface ShopResponse {
  readonly status: number
  readonly fields: readonly (readonly [string, string])[]
  readonly content: string
}

export interface Account {
  readonly userName: string
  readonly password: string
  readonly userId: number
}

export interface Partner {
  readonly name: string
  readonly apiKey: string
}

interface Order {
  readonly orderId: number
  readonly userId: number
  readonly items: readonly { readonly productId: number; readonly quantity: number }[]
  readonly status: string
}

const orderStates = ['open', 'paid', 'shipped'] as const
const colors = ['red', 'green', 'blue', 'black', 'white'] as const
const json = ['Content-Type', 'application/json; charset=utf-8'] as const

export class Shop {
  readonly accounts: readonly Account[]
  readonly partners: readonly Partner[]
  readonly #byUserName = new Map<string, Account>()
  readonly #sessions = new Map<string, Account>()
  readonly #orders = new Map<number, Order>()
  readonly #random: Random
  #nextOrderId = 48_211

  constructor(seed: number, accountCount: number) {
    const random = new Random(seed).fork('shop')
    this.#random = random.fork('sessions')
    this.accounts = Array.from({ length: accountCount }, (_, index) => ({
      userName: `${random.pick(givenNames)}.${random.pick(familyNames)}${index}@mail.example`,
      password: `${random.pick(familyNames)}-${random.hex(6)}`,
      userId: 10_000 + index * 7,
    }))
    for (const account of this.accounts) this.#byUserName.set(account.userName, account)
    this.partners = ['northwind', 'contoso', 'fabrikam'].map((name) => ({ name, apiKey: `pk_live_${random.hex(32)}` }))
  }

  handle(request: ShopRequest): ShopResponse {
    const [path = '/', query = ''] = request.target.split('?')
    const parts = path.split('/').slice(1)
    if (request.method === 'POST' && path === '/api/v1/login') return this.#login(request.content)
    if (parts[0] === 'partner') return this.#partner(request, parts)
    if (parts[0] !== 'api' || parts[1] !== 'v1') return answer(404, { error: 'not_found' })
    if (parts[2] === 'products') return products(parts[3], new URLSearchParams(query))
    const account = this.#sessions.get(sessionOf(request))
    if (account === undefined) return answer(401, { error: 'unauthenticated' })
    if (path === '/api/v1/users/me') return answer(200, profile(account))
    if (parts[2] === 'orders') return this.#orderResource(request, parts[3], account)
    return answer(404, { error: 'not_found' })
  }

  #login(content: string): ShopResponse {
    const attempt = parseJson(content)
    const account = this.#byUserName.get(String(attempt['username'] ?? ''))
    if (account === undefined || account.password !== attempt['password'])
      return answer(401, { error: 'invalid_credentials', message: 'User name or password is wrong.' })
    const session = this.#random.hex(40)
    this.#sessions.set(session, account)
    const { status, fields, content: body } = answer(200, { userId: account.userId, displayName: account.userName })
    return {
      status,
      fields: [...fields, ['Set-Cookie', `sid=${session}; Path=/; HttpOnly; SameSite=Lax`]],
      content: body,
    }
  }

  #orderResource(request: ShopRequest, orderText: string | undefined, account: Account): ShopResponse {
    if (request.method === 'POST' && orderText === undefined) {
      const items = parseJson(request.content)['items']
      const order: Order = {
        orderId: this.#nextOrderId++,
        userId: account.userId,
        items: Array.isArray(items) ? items : [],
        status: orderStates[this.#nextOrderId % orderStates.length] ?? 'open',
      }
      this.#orders.set(order.orderId, order)
      return answer(201, order)
    }
    const order = this.#orders.get(Number(orderText))
    if (order === undefined || order.userId !== account.userId) return answer(404, { error: 'not_found' })
    return answer(200, order)
  }

  #partner(request: ShopRequest, parts: readonly string[]): ShopResponse {
    const known = this.partners.some(({ apiKey }) => apiKey === request.fields['x-api-key'])
    if (!known) return answer(401, { error: 'unknown_key' })
    const store = parts[3]
    if (parts[1] !== 'v1' || parts[2] !== 'stores' || store === undefined || parts[4] !== 'inventory')
      return answer(404, { error: 'not_found' })
    const storeId = Number(store)
    const items = Array.from({ length: 5 }, (_, index) => ({
      sku: `SKU-${(storeId * 31 + index * 7) % 9_000}`,
      onHand: (storeId * 13 + index) % 40,
      priceCents: 990 + ((storeId + index) % 90) * 100,
    }))
    return answer(200, { storeId, items })
  }
}

function products(productText: string | undefined, query: URLSearchParams): ShopResponse {
  if (productText === undefined) {
    const page = Number(query.get('page') ?? 1)
    const items = Array.from({ length: 8 }, (_, index) => product(page * 8 + index))
    return answer(200, { page, items })
  }
  const productId = Number(productText)
  return Number.isInteger(productId) && productId < 5_000
    ? answer(200, product(productId))
    : answer(404, { error: 'not_found' })
}

function product(productId: number): object {
  return {
    productId,
    name: `${familyNames[productId % familyNames.length]} chair`,
    color: colors[productId % colors.length],
    priceCents: 1_990 + (productId % 70) * 100,
    inStock: productId % 9 !== 0,
    rating: productId % 4 === 0 ? null : 1 + (productId % 40) / 10,
  }
}

function profile(account: Account): object {
  return { userId: account.userId, email: account.userName, addresses: [{ city: 'Lisbon', zip: `1${account.userId}` }] }
}

function answer(status: number, body: object): ShopResponse {
  return { status, fields: [json, ['Cache-Control', 'no-store']], content: JSON.stringify(body) }
}

function sessionOf(request: ShopRequest): string {
  return /(?:^|; )sid=([0-9a-f]+)/.exec(request.fields['cookie'] ?? '')?.[1] ?? ''
}

function parseJson(content: string): Record<string, unknown> {
  try {
    return JSON.parse(content) as Record<string, unknown>
  } catch {
    return {}
  }
}

const givenNames = [
  'ana',
  'ben',
  'chen',
  'dalia',
  'emil',
  'fatou',
  'gus',
  'hana',
  'ivo',
  'june',
  'kofi',
  'lena',
  'mila',
  'noor',
]
const familyNames = [
  'almeida',
  'berg',
  'costa',
  'diallo',
  'ekman',
  'fischer',
  'garcia',
  'haas',
  'ito',
  'jensen',
  'kaya',
  'lopez',
]
