import { ProtobufReader, ProtobufWriter } from '@peerloom/bounded'

/**
 * message Question { string text = 1; uint32 limit = 2; }
 * message Answer   { repeated string words = 1; }
 *
 * The reader takes at most as many fields as it is told, so a hostile peer cannot make it build a large object.
 */
export interface Question {
  readonly text: string
  readonly limit: number
}

export interface Answer {
  readonly words: readonly string[]
}

export const question = {
  encode: ({ text, limit }: Question): Uint8Array => new ProtobufWriter().string(1, text).uint64(2, limit).finish(),
  decode(bytes: Uint8Array): Question {
    const reader = new ProtobufReader(bytes, { maxFields: 8 })
    let [text, limit] = ['', 0]
    for (let field = reader.next(); field !== 0; field = reader.next()) {
      if (field === 1) text = reader.string()
      else if (field === 2) limit = reader.uint32()
      else reader.skip()
    }
    return { text, limit }
  }
}

export const answer = {
  encode({ words }: Answer): Uint8Array {
    const writer = new ProtobufWriter()
    for (const word of words) writer.string(1, word)
    return writer.finish()
  },
  decode(bytes: Uint8Array): Answer {
    const reader = new ProtobufReader(bytes, { maxFields: 1000 })
    const words: string[] = []
    for (let field = reader.next(); field !== 0; field = reader.next()) {
      if (field === 1) words.push(reader.string())
      else reader.skip()
    }
    return { words }
  }
}
