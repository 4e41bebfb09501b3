import { lengthPrefixed, type Stream } from 'peerloom'

export const fileProtocol = '/example/file/1.0.0'
export const chatProtocol = '/example/chat/1.0.0'

/** What the server says of its file before the bytes. */
export interface FileHeader {
  readonly name: string
  readonly size: number
  readonly sha256: string
}

const isHeader = (value: unknown): value is FileHeader => {
  const { name, size, sha256 } = (value ?? {}) as Partial<FileHeader>
  return typeof name === 'string' && Number.isSafeInteger(size) && typeof sha256 === 'string'
}

export async function writeHeader(stream: Stream, header: FileHeader): Promise<void> {
  await lengthPrefixed(stream).write(new TextEncoder().encode(JSON.stringify(header)))
}

/** Reads the header and gives the stream back for the bytes behind it. */
export async function readHeader(stream: Stream): Promise<FileHeader> {
  const messages = lengthPrefixed(stream, { maxBytes: 4096 })
  const message = await messages.read()
  messages.release()
  const header: unknown = message === undefined ? undefined : JSON.parse(new TextDecoder().decode(message))
  if (!isHeader(header)) throw new Error('the server sent no file header')
  return header
}

export async function say(stream: Stream, line: string): Promise<void> {
  await lengthPrefixed(stream).write(new TextEncoder().encode(line))
}

export async function hear(stream: Stream): Promise<string> {
  const message = await lengthPrefixed(stream, { maxBytes: 4096 }).read()
  return message === undefined ? '' : new TextDecoder().decode(message)
}
