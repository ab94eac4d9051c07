import { expect, it } from 'vitest'
import { createLogger, type LoggerOptions } from './logger.js'

function lines(format: LoggerOptions['format']) {
  const written: string[] = []
  return { written, logger: createLogger({ level: 'info', format, write: (line) => written.push(line) }) }
}

it('writes one JSON line an event, with what was bound, without secrets, with errors and their causes', () => {
  const { written, logger } = lines('json')
  logger.debug({}, 'not shown')
  const error = new Error('outer', { cause: new Error('inner') })
  logger.child({ service: 'catalog' }).warn({ token: 'hunter2', store: { password: 'hunter2' }, error }, 'slow')
  expect(written).toHaveLength(1)
  expect(written[0]).not.toContain('hunter2')
  expect(JSON.parse(written[0] ?? '')).toMatchObject({
    level: 'warn',
    service: 'catalog',
    message: 'slow',
    error: { message: 'outer', cause: { message: 'inner' } },
  })
})

it('writes a short line for a person', () => {
  const { written, logger } = lines('line')
  logger.error({ port: 80, error: new Error('taken') }, 'cannot listen')
  expect(written[0]).toMatch(/^\d\d:\d\d:\d\d error cannot listen {2}port=80 {2}error=taken\n$/)
})
