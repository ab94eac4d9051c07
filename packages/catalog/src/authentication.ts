/** Which of the authentication schemes seen at an endpoint are its contract, and which are exceptions. */

/** Of a hundred requests one: below are clients that send a cookie to everything, or a probe. */
const prevailingMinRatio = 0.01

/** Schemes (`none` among them) that at least one request in a hundred used, the most used first. Every other one is an exception. */
export function prevailingSchemes(counts: Readonly<Record<string, number>>): string[] {
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0)
  return Object.entries(counts)
    .filter(([, count]) => count > 0 && count >= prevailingMinRatio * total)
    .sort(([a, countA], [b, countB]) => countB - countA || (a < b ? -1 : 1))
    .map(([scheme]) => scheme)
}
