/**
 * What a property or parameter name says about its value: `password`, `api_key`, `userEmail`, `j_username`, `session[password]`. Letter case,
 * blanks and punctuation do not count. Values under secret names get no token at all: a password of low entropy must not be comparable,
 * let alone guessable, outside login detection.
 */

export const PLAIN = 0
export const USER = 1
export const PASSWORD = 2
/** The new, old or repeated password of a registration or change: not a login attempt. */
export const OTHER_PASSWORD = 3
export const SECRET = 4
export type NameKind = typeof PLAIN | typeof USER | typeof PASSWORD | typeof OTHER_PASSWORD | typeof SECRET

const nameMaxBytes = 64

const exactNames: readonly (readonly [NameKind, string])[] = [
  [
    USER,
    'user login loginid loginname mail emailaddress identifier phone phonenumber mobile account accountid uname usr log uid',
  ],
  [PASSWORD, 'pass passcode passphrase pw psw'],
  [
    OTHER_PASSWORD,
    'newpassword oldpassword currentpassword previouspassword confirmpassword repeatpassword verifypassword retypepassword ' +
      'passwordnew passwordold passwordconfirm passwordconfirmation passwordrepeat passwordverify passwordagain password2 pass2 ' +
      'passwordhash passwordsalt hashedpassword encryptedpassword newpasswd oldpasswd newpwd oldpwd confirmpwd repassword',
  ],
  [
    SECRET,
    'auth authorization bearer jwt cookie cookies session sid jsessionid phpsessid credentials pin pincode otp totp mfacode tan cvv2 csc ' +
      'securitycode cardcode verificationcode onetimecode onetimepassword socialsecuritynumber sig hmac tokens secrets passwords apikeys ' +
      'securityanswer recoverycode backupcode pan cardnumber creditcardnumber',
  ],
]
/** Endings, so that prefixes do not matter. The ones with the same last letter stand together. */
const endings: readonly (readonly [NameKind, string])[] = [
  [PASSWORD, 'password passwd pwd'],
  [USER, 'username email userid userlogin'],
  [
    SECRET,
    'token secret apikey accesskey secretkey privatekey authkey sessionid sessionkey signature credential cvv cvc ssn',
  ],
]

/** Exact names by hash, open addressing: no Map in the path of every property. */
const slotsCount = 1_024
const slotHashes = new Int32Array(slotsCount)
const slotKinds = new Uint8Array(slotsCount)
for (const [kind, names] of exactNames) for (const name of names.split(' ')) addExact(hashOf(name), kind)
interface Ending {
  readonly kind: NameKind
  readonly ending: string
}
const endingsByLastByte: (readonly Ending[] | undefined)[] = new Array(128).fill(undefined)
for (const [kind, names] of endings) {
  for (const ending of names.split(' ')) {
    const last = ending.charCodeAt(ending.length - 1)
    endingsByLastByte[last] = [...(endingsByLastByte[last] ?? []), { kind, ending }]
  }
}

/** Reused: the name in lower case without punctuation. */
const normalized = new Uint8Array(nameMaxBytes)

/** Kind of the name `bytes[from, to)`. Allocates nothing. Names beyond 64 characters are judged by their last 64. */
export function nameKindOf(bytes: Uint8Array, from: number, to: number): NameKind {
  let count = 0
  let hash = 0x811c9dc5
  for (let i = Math.max(from, to - nameMaxBytes); i < to; i++) {
    const byte = bytes[i]! // In range by the loop condition.
    const lower = byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte
    if (!((lower >= 0x61 && lower <= 0x7a) || (lower >= 0x30 && lower <= 0x39))) continue
    normalized[count++] = lower
    hash = Math.imul(hash ^ lower, 0x01000193)
  }
  if (count === 0) return PLAIN
  for (let slot = hash & (slotsCount - 1); slotKinds[slot] !== PLAIN; slot = (slot + 1) & (slotsCount - 1)) {
    if (slotHashes[slot] === hash) return slotKinds[slot] as NameKind
  }
  const candidates = endingsByLastByte[normalized[count - 1]!] // At least one character, of ASCII.
  if (candidates !== undefined) {
    for (const { kind, ending } of candidates) if (endsWith(count, ending)) return kind
  }
  return startsWithPassw(count) ? OTHER_PASSWORD : PLAIN
}

/** The same for a byte string. */
export function nameKindOfText(name: string): NameKind {
  const bytes = Buffer.from(name, 'latin1')
  return nameKindOf(bytes, 0, bytes.length)
}

export function isSecretKind(kind: NameKind): boolean {
  return kind >= PASSWORD
}

function endsWith(count: number, ending: string): boolean {
  const from = count - ending.length
  if (from < 0) return false
  for (let i = 0; i < ending.length; i++) if (normalized[from + i] !== ending.charCodeAt(i)) return false
  return true
}

function startsWithPassw(count: number): boolean {
  return (
    count > 5 &&
    normalized[0] === 0x70 &&
    normalized[1] === 0x61 &&
    normalized[2] === 0x73 &&
    normalized[3] === 0x73 &&
    normalized[4] === 0x77
  )
}

function addExact(hash: number, kind: NameKind): void {
  let slot = hash & (slotsCount - 1)
  while (slotKinds[slot] !== PLAIN) slot = (slot + 1) & (slotsCount - 1)
  slotHashes[slot] = hash
  slotKinds[slot] = kind
}

/** FNV-1a over a normalized name. A collision could only hide a value. */
function hashOf(name: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193)
  return hash
}
