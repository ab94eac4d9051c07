import { describe, expect, it } from 'vitest'
import { addressBytes } from './address-text.js'
import { communityId } from './flow-id.js'

describe('Community ID v1', () => {
  // From the specification's baseline and the documentation of its reference implementation.
  it.each<[string, number, string, number, number, string]>([
    ['128.232.110.120', 34_855, '66.35.250.204', 80, 6, '1:LQU9qZlK+B5F3KDmev6m5PMibrg='],
    ['10.0.0.1', 10, '10.0.0.2', 20, 6, '1:9j2Dzwrw7T9E+IZi4b4IVT66HBI='],
    ['192.168.1.52', 54_585, '8.8.8.8', 53, 17, '1:d/FP5EW3wiY1vCndhwleRRKHowQ='],
    [
      '2001:470:e5bf:dead:4957:2174:e82c:4887',
      63_943,
      '2607:f8b0:400c:c03::1a',
      25,
      6,
      '1:/qFaeAR+gFe1KYjMzVDsMv+wgU4=',
    ],
  ])('%s:%i and %s:%i, protocol %i: %s, from either side', (a, aPort, b, bPort, protocol, id) => {
    expect(communityId(addressBytes(a)!, aPort, addressBytes(b)!, bPort, protocol)).toBe(id)
    expect(communityId(addressBytes(b)!, bPort, addressBytes(a)!, aPort, protocol)).toBe(id)
  })

  it('orders equal addresses by port', () => {
    const loopback = Uint8Array.of(127, 0, 0, 1)
    expect(communityId(loopback, 9, loopback, 8)).toBe(communityId(loopback, 8, loopback, 9))
  })
})
