/** What else reads HTTP out of a capture: how each is run, and what it does of what the sensor does. */

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Program {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  /** TCP segments put in order, over packets. */
  readonly reassembles: string
  readonly content: string
  readonly redacts: string
  readonly output: string
}

/** Each gets a folder of its own below `folder` for what it writes. */
export function capturePeers(capture: string, folder: string): Program[] {
  const own = (name: string): string => {
    const path = join(folder, name)
    mkdirSync(path, { recursive: true })
    return path
  }
  const fields = ['http.request.method', 'http.host', 'http.request.uri', 'http.response.code']
  const fieldArgs = fields.flatMap((field) => ['-e', field])
  const httpOfPacketbeat = join(own('packetbeat'), 'packetbeat.yml')
  writeFileSync(
    httpOfPacketbeat,
    [
      'packetbeat.flows.enabled: false',
      'packetbeat.procs.enabled: false',
      'packetbeat.shutdown_timeout: 10s',
      'packetbeat.protocols: [{type: http, ports: [80, 8080]}]',
      `output.file: {path: ${own('packetbeat')}, filename: out}`,
      `path.data: ${own('packetbeat')}`,
      `path.logs: ${own('packetbeat')}`,
      '',
    ].join('\n'),
    { mode: 0o600 },
  )
  return [
    {
      name: 'tshark, HTTP fields',
      command: 'tshark',
      args: ['-r', capture, '-Y', 'http', '-T', 'fields', ...fieldArgs],
      reassembles: 'yes',
      content: 'decoded, dissected',
      redacts: 'no',
      output: '4 fields a message',
    },
    {
      name: 'tcpflow, streams',
      command: 'tcpflow',
      args: ['-r', capture, '-o', own('tcpflow-streams')],
      reassembles: 'yes',
      content: 'as on the wire',
      redacts: 'no',
      output: 'files; no HTTP read',
    },
    {
      name: 'tcpflow, HTTP content',
      command: 'tcpflow',
      args: ['-e', 'http', '-r', capture, '-o', own('tcpflow-http')],
      reassembles: 'yes',
      content: 'decoded',
      redacts: 'no',
      output: 'files; not paired',
    },
    {
      name: 'httpry',
      command: 'httpry',
      args: ['-q', '-r', capture, '-o', join(own('httpry'), 'out')],
      reassembles: 'no',
      content: 'no',
      redacts: 'no',
      output: 'a line a message',
    },
    {
      name: 'packetbeat',
      command: 'packetbeat',
      args: ['-c', httpOfPacketbeat, '-I', capture, '-t'],
      reassembles: 'yes',
      content: 'no',
      redacts: 'no',
      output: 'JSON, paired by order',
    },
    {
      name: 'suricata, one thread',
      command: 'suricata',
      args: ['-r', capture, '-k', 'none', '-l', own('suricata'), '-S', '/dev/null', '--runmode', 'single'],
      reassembles: 'yes',
      content: 'decoded, not written',
      redacts: 'no',
      output: 'JSON (eve)',
    },
    {
      name: 'goreplay',
      command: 'goreplay',
      args: [
        ...['--input-raw', `${capture}:80`, '--input-raw-engine', 'pcap_file', '--input-raw-track-response'],
        ...['--output-file', join(own('goreplay'), 'out'), '--exit-after', '60s'],
      ],
      reassembles: 'per message',
      content: 'as on the wire',
      redacts: 'no',
      output: 'messages, paired by ACK',
    },
  ]
}
