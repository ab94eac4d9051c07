import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writePcap, writePcapng } from '@tapwarden/pcap/pcap-writer'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PcapFileSource } from './pcap-file.js'

const ethernet = { linkType: 1 }
const frame = (value: number) => ({ timestampUs: value, bytes: new Uint8Array(1_400).fill(value) })
const many = [...Array(1_600).keys()].map((index) => frame(index % 200)) // 2.2 MB: three blocks

describe('PcapFileSource', () => {
  let folder = ''
  const at = (name: string) => join(folder, name)
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pcap-file-'))
    await mkdir(at('folder'))
    await writeFile(at('empty.pcap'), '')
    await writeFile(at('text.pcap'), 'GET / HTTP/1.1\r\n')
    await writeFile(at('one.pcap'), writePcap([frame(1)], ethernet))
    await writeFile(at('many.pcapng'), writePcapng(many, { interfaces: [ethernet] }))
    await writeFile(at('cut.pcap'), writePcap(many, ethernet).subarray(0, -1))
    const huge = Buffer.from(writePcap([frame(1), frame(2)], ethernet))
    huge.writeUInt32LE(0xffff_ffff, 24 + 1_416 + 8)
    await writeFile(at('huge.pcap'), huge)
    await writeFile(at('secret.pcap'), writePcap([frame(1)], ethernet))
    await chmod(at('secret.pcap'), 0)
  })
  afterAll(() => rm(folder, { recursive: true }))

  async function read(names: readonly string[]) {
    const source = new PcapFileSource(names.map(at))
    const seen: number[] = []
    let blockCount = 0
    const afterBlock = async () => void blockCount++
    const sink = { frame: ({ timestampUs }: { timestampUs: number }) => void seen.push(timestampUs), afterBlock }
    const failure: unknown = await source.frames(sink).then(
      () => undefined,
      (error) => error,
    )
    return { seen, blockCount, failure, statistics: source.statistics() }
  }

  it('reads several files in the order given, block by block, and counts bytes', async () => {
    const { seen, blockCount, failure, statistics } = await read(['many.pcapng', 'one.pcap'])
    expect(failure).toBeUndefined()
    expect(seen).toEqual([...many.map(({ timestampUs }) => timestampUs), 1])
    expect(blockCount).toBe(4)
    expect(statistics.bytesRead).toBe(statistics.totalBytes)
    expect(statistics.frameCount).toBe(1_601)
  })

  it('reads what comes before a cut, warns, and goes on with the next file', async () => {
    const { seen, failure, statistics } = await read(['cut.pcap', 'one.pcap'])
    expect(failure).toBeUndefined()
    expect(seen).toHaveLength(1_600)
    expect(statistics.warnings).toEqual([expect.stringMatching(/cut\.pcap ends inside a record/)])
  })

  it.each([
    ['nothing.pcap', 'missing', 0],
    ['one.pcap/nothing', 'missing', 0],
    ['folder', 'directory', 0],
    ['empty.pcap', 'empty', 0],
    ['text.pcap', 'not-a-capture', 0],
    ['huge.pcap', 'record-too-large', 3],
  ])('%s → %s, in one line', async (name, code, frameCount) => {
    const { seen, failure } = await read(['one.pcap', name, 'one.pcap'])
    expect(failure).toMatchObject({ name: 'FrameSourceError', code, message: expect.stringMatching(/^[^\n]+$/) })
    expect(seen).toHaveLength(frameCount) // Wrong names cost nothing; damage further in loses only what is behind it.
  })

  it('says that a file may not be read', async () => {
    const isRoot = process.getuid?.() === 0 // Root reads everything: then the file is simply read.
    expect((await read(['secret.pcap'])).failure).toEqual(
      isRoot ? undefined : expect.objectContaining({ code: 'unreadable' }),
    )
  })

  it('stops between blocks', async () => {
    const source = new PcapFileSource([at('many.pcapng'), at('one.pcap')])
    let frameCount = 0
    let stopped: Promise<void> | undefined
    const afterBlock = () => {
      stopped ??= source.stop()
    }
    await source.frames({ frame: () => void frameCount++, afterBlock })
    await stopped
    expect(frameCount).toBeGreaterThan(700)
    expect(frameCount).toBeLessThan(800)
  })

  it('hands on what the sink throws', async () => {
    const source = new PcapFileSource([at('one.pcap')])
    const sink = {
      frame: () => {
        throw new RangeError('sink')
      },
    }
    await expect(source.frames(sink)).rejects.toThrow('sink')
  })
})
