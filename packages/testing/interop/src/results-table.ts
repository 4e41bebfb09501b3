import { globSync } from 'node:fs'
import { columnNames, foreignNames, isStack, unsupported, type PeerName } from './matrix.ts'
import { pubsubUnsupported } from './pubsub-matrix.ts'
import type { Column, RowResult } from './results.ts'

/** Where a browser dials from: the tests of these packages run in Chromium. */
const browserPackages: Partial<Record<Column, string>> = {
  ws: 'transports/websockets',
  wss: 'transports/websockets',
  mplex: 'muxers/mplex',
  relay: 'transports/circuit-relay',
  'webrtc-direct v1': 'transports/webrtc',
  'webrtc-direct v2': 'transports/webrtc',
  webrtc: 'transports/webrtc',
  webtransport: 'transports/webtransport',
  gossipsub: 'pubsub/gossipsub'
}

const kuboUnsupported: Partial<Record<Column, string>> = {
  'webrtc-direct v2': 'kubo 0.42.0 is built on go-libp2p 0.48, which knows v1 only',
  floodsub: 'not run: kubo is asked to connect, ping and identify only',
  gossipsub: 'not run: kubo is asked to connect, ping and identify only'
}

const rows: readonly { readonly name: string; readonly peers: readonly string[] }[] = [
  { name: 'peerloom', peers: ['peerloom'] },
  { name: 'js-libp2p', peers: ['js'] },
  { name: 'go-libp2p', peers: ['go'] },
  { name: 'rust-libp2p', peers: ['rust'] },
  { name: 'kubo', peers: ['kubo'] }
]

/** The results as tables in Markdown. `root` is that of the repository. */
export function resultsTable(results: readonly RowResult[], root: URL): string {
  const notes: string[] = []
  const note = (text: string): string => {
    if (!notes.includes(text)) notes.push(text)
    return `[${notes.indexOf(text) + 1}]`
  }
  const body = rows.map(({ name, peers: [peer = ''] }) => [
    versionOf(peer, results) ?? name,
    ...columnNames.map((stack) => ownCell(stack, peer, results, note))
  ])
  const chromium = ['Chromium', ...columnNames.map((stack) => browserCell(stack, root))]
  const head = ['Peerloom with', ...columnNames]
  const foreign = foreignNames.flatMap((one, index) =>
    foreignNames
      .slice(index + 1)
      .filter((two) => one !== 'js frozen' && two !== 'js frozen')
      .map((two) => [`${one} with ${two}`, ...columnNames.map((stack) => foreignCell(stack, one, two, results, note))])
  )
  const failures = results
    .filter(({ result }) => result === 'fail')
    .map((row) => `- ${row.stack}, ${row.dialler} dials ${row.listener}: ${row.failures[0] ?? ''}`)
  return [
    table(head, [...body, chromium]),
    '',
    'The others among each other, which tells what is broken without us:',
    '',
    table(['', ...columnNames], foreign),
    '',
    ...notes.map((text, index) => `${index + 1}. ${text}`),
    ...(failures.length > 0 ? ['', 'What failed:', '', ...failures] : [])
  ].join('\n')
}

type Note = (text: string) => string

function ownCell(stack: Column, peer: string, results: readonly RowResult[], note: Note): string {
  const reason = peer === 'kubo' ? kuboUnsupported[stack] : whyNot(peer as PeerName, stack)
  if (reason !== undefined) return `– ${note(reason)}`
  const found = results.filter(
    (row) =>
      row.stack === stack &&
      [row.dialler, row.listener, row.relay].includes('peerloom') &&
      [row.dialler, row.listener].includes(peer)
  )
  if (found.length === 0) return '–'
  if (peer === 'peerloom') return mark(found.filter(({ dialler, listener }) => dialler === listener))
  const dials = found.filter(({ dialler }) => dialler === 'peerloom')
  const listens = found.filter(({ listener }) => listener === 'peerloom')
  const relays = found.filter(({ relay }) => relay === 'peerloom')
  const parts =
    stack === 'relay'
      ? [`client ${mark(dials)}`, `target ${mark(listens)}`, `relay ${mark(relays)}`]
      : [`dial ${mark(dials)}`, `listen ${mark(listens)}`]
  return [parts.join(', '), ...notesOf(found, note)].join(' ')
}

function whyNot(peer: PeerName, column: Column): string | undefined {
  return isStack(column) ? unsupported(peer, column) : pubsubUnsupported(peer, column)
}

function foreignCell(stack: Column, one: PeerName, two: PeerName, results: readonly RowResult[], note: Note): string {
  const found = results.filter(
    (row) =>
      row.stack === stack &&
      row.relay !== 'peerloom' &&
      [row.dialler, row.listener].every((name) => name === one || name === two) &&
      [row.dialler, row.listener, row.relay].includes(one) &&
      [row.dialler, row.listener, row.relay].includes(two)
  )
  if (found.length === 0) return '–'
  const broken = found
    .filter(({ result }) => result !== 'pass')
    .map(({ dialler, listener }) => `${dialler} → ${listener}`)
  return [broken.length === 0 ? '✓' : `✗ ${broken.join(', ')}`, ...notesOf(found, note)].join(' ')
}

/** Another attempt belongs to one run and not into the table. */
function notesOf(found: readonly RowResult[], note: Note): readonly string[] {
  const reasons = new Map<string, string[]>()
  for (const text of new Set(found.flatMap(({ notes }) => notes))) {
    if (text.includes('needed another attempt')) continue
    const [check = '', reason] = text.split(/: (.*)/s) // a check and why it was left out, or a remark
    if (reason === undefined) reasons.set(text, [])
    else reasons.set(reason, [...(reasons.get(reason) ?? []), check])
  }
  return [...reasons].map(([reason, checks]) =>
    note(checks.length > 0 ? `not ${checks.join(', ')}: ${reason}` : reason)
  )
}

function mark(found: readonly RowResult[]): string {
  if (found.length === 0) return '–'
  if (found.every(({ result }) => result === 'pass')) return '✓'
  return found.some(({ result }) => result === 'fail') ? '✗' : 'not run'
}

function browserCell(stack: Column, root: URL): string {
  const folder = browserPackages[stack]
  if (folder === undefined) return '–'
  const [test] = globSync(`packages/${folder}/test/**/*.browser.test.ts`, { cwd: root })
  return test === undefined ? '–' : `[tests](../packages/${folder}/test)`
}

function versionOf(peer: string, results: readonly RowResult[]): string | undefined {
  const prefix = { js: 'js-libp2p/', go: 'go-libp2p/', rust: 'rust-libp2p/', kubo: 'kubo/', peerloom: 'peerloom/' }[
    peer
  ]
  const all = results.flatMap(({ implementations }) => implementations)
  return all.find((implementation) => implementation.startsWith(prefix ?? '\n'))?.replace('/', ' ')
}

function table(head: readonly string[], body: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...body.map(line)].join('\n')
}
