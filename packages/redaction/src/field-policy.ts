/** Which fields are published in clear, and which are worth a scan: tables, nothing else. */

/** Request fields whose values describe the client. A name that is not here is never published with its value. */
export const keptRequestFields: ReadonlySet<string> = new Set(
  'accept accept-language accept-encoding cache-control pragma content-encoding expect te upgrade sec-fetch-site sec-fetch-mode sec-fetch-dest x-requested-with access-control-request-method access-control-request-headers'.split(
    ' ',
  ),
)
/** Response fields whose values describe the server or its answer. */
export const keptResponseFields: ReadonlySet<string> = new Set(
  'cache-control content-encoding content-language server x-powered-by allow retry-after vary www-authenticate strict-transport-security content-security-policy x-content-type-options x-frame-options access-control-allow-origin access-control-allow-credentials access-control-allow-methods access-control-allow-headers deprecation sunset x-ratelimit-limit x-ratelimit-remaining ratelimit-limit ratelimit-remaining ratelimit-policy'.split(
    ' ',
  ),
)
/** Fields with a URL: published as host and path, secrets in them replaced, without query. */
export const urlFields: ReadonlySet<string> = new Set(['referer', 'origin', 'location', 'content-location'])

/** Cannot hold anything sensitive, or hold a credential by design and are read as that. */
export const unscannedFields: ReadonlySet<string> = new Set(
  (
    'host accept accept-encoding accept-language connection keep-alive content-length content-type transfer-encoding date age etag expires ' +
    'last-modified if-none-match if-modified-since cache-control pragma vary server user-agent authorization proxy-authorization ' +
    'content-encoding upgrade-insecure-requests te trailer strict-transport-security sec-fetch-site sec-fetch-mode sec-fetch-dest'
  ).split(' '),
)
