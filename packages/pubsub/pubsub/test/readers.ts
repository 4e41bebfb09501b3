import {
  Authors,
  type MessageReader,
  messageIdRule,
  RpcDecoder,
  type RpcLimits,
  type WireMessage
} from '@peerloom/pubsub'
import { defaultRpcLimits } from '@peerloom/pubsub'

const spec = messageIdRule('spec')
const authors = new Authors()

export const reader: MessageReader = {
  idOf: spec,
  authorOf: (message) => authors.of(message)?.name
}

export const decoder = (limits: Partial<RpcLimits> = {}): RpcDecoder =>
  new RpcDecoder(reader, { ...defaultRpcLimits, ...limits })

export const readMessage = (field: Uint8Array): WireMessage => {
  const message = decoder().decode(field).publish?.[0]
  if (message === undefined) throw new Error('no message')
  return message
}

export const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'))
