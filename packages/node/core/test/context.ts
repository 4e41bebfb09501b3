import { createNode, type NodeOptions } from '@peerloom/core'
import { defineModule, type Module, type NodeContext } from '@peerloom/interface'

/** A module that gives away what modules see of their node. */
export const contextModule = (): Module<NodeContext> => defineModule({ name: 'context', create: (node) => node })

/** What modules see of a node that is not started and has no transports. */
export async function contextOf(options: NodeOptions<Record<never, never>> = {}): Promise<NodeContext> {
  const node = await createNode({ ...options, start: false, services: { context: contextModule() } })
  return node.services.context
}
