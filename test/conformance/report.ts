/** compare.py's JSON → a table by tag. A file passes in full when its transactions do and every known content length is right. */

export interface CorpusCase {
  readonly name: string
  readonly confidence: string
  readonly scope: string
  readonly tags: readonly string[]
  readonly pass: boolean
  readonly fields: Readonly<Record<string, readonly [right: number, checked: number]>>
}

export interface CorpusReport {
  readonly cases: readonly CorpusCase[]
}

const evaderTag = 'http-evader'

export function passesInFull(each: CorpusCase): boolean {
  return (
    each.pass && ['req_body_len', 'resp_body_len'].every((name) => each.fields[name]?.[0] === each.fields[name]?.[1])
  )
}

export function tableByTag({ cases }: CorpusReport): string {
  const sure = cases.filter((each) => each.confidence === 'sure')
  const evader = sure.filter((each) => each.tags.includes(evaderTag))
  const others = sure.filter((each) => !each.tags.includes(evaderTag))
  const lines = ['', '== files that pass, content lengths included (sure files)']
  lines.push(
    row(
      'core, without http-evader',
      others.filter((each) => each.scope === 'core'),
    ),
  )
  lines.push(row('http-evader', evader))
  lines.push(
    row(
      'extended',
      others.filter((each) => each.scope === 'extended'),
    ),
  )
  lines.push(
    row(
      'negative',
      others.filter((each) => each.scope === 'negative'),
    ),
  )
  lines.push(...failures(sure), ...disputed(cases))
  lines.push('', '== by tag, without http-evader')
  lines.push(...rowsByTag(others))
  lines.push('', '== by tag, http-evader')
  lines.push(...rowsByTag(evader))
  return `${lines.join('\n')}\n`
}

/** By name, so that none hides in a percentage. */
function failures(sure: readonly CorpusCase[]): string[] {
  const failing = sure.filter((each) => !passesInFull(each))
  if (failing.length === 0) return []
  return ['', '== sure files that fail', ...failing.map(({ name }) => `   ${name}`)]
}

/** Scored apart, never skipped. */
function disputed(cases: readonly CorpusCase[]): string[] {
  const among = cases.filter((each) => each.confidence === 'disputed')
  const differing = among.filter((each) => !passesInFull(each)).map(({ name }) => `   differs: ${name}`)
  return ['', '== disputed files, no criterion', row('like the corpus', among), ...differing]
}

function rowsByTag(cases: readonly CorpusCase[]): string[] {
  const tags = [...new Set(cases.flatMap((each) => each.tags))].sort()
  return tags.map((tag) =>
    row(
      tag,
      cases.filter((each) => each.tags.includes(tag)),
    ),
  )
}

function row(label: string, cases: readonly CorpusCase[]): string {
  const passed = cases.filter(passesInFull).length
  const percent = cases.length === 0 ? '-' : ((100 * passed) / cases.length).toFixed(1)
  return `   ${label.padEnd(34)} ${String(passed).padStart(4)}/${String(cases.length).padEnd(4)} ${percent.padStart(6)} %`
}
