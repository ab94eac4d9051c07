/**
 * Tokens: keyed hashes that stand for values. Equal values under one key give equal tokens; nothing gives the value back.
 *
 * Text form: class letter, key number, dot, lower-case hex: `a1.9f86d081884c7d659a2feaa0c55ad015`.
 *
 * | class | letter | hex digits | made from | who holds the key |
 * |---|---|---|---|---|
 * | access | a | 32 | HMAC-SHA-256, first 16 bytes: API keys, bearer tokens, session cookies (the bytes after the scheme) | sensors, enforcers |
 * | credential | c | 32 | HMAC-SHA-256, first 16 bytes: user names, passwords | sensors only |
 * | content | v | 16 | SipHash-2-4: path segments, query values, leaves of content | sensors only |
 */

export type TokenClass = 'access' | 'credential' | 'content'
export type Token = string & { readonly brand: 'Token' }

export const tokenLetters: Readonly<Record<TokenClass, string>> = { access: 'a', credential: 'c', content: 'v' }
export const tokenPattern = /^[acv][1-9][0-9]*\.(?:[0-9a-f]{16}|[0-9a-f]{32})$/
