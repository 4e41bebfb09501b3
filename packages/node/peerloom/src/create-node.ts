import {
  createNode as createBareNode,
  type Node,
  type NodeOptions,
  type ServiceModules,
  type Services
} from '@peerloom/core'
import { identify } from '@peerloom/identify'
import { ping } from '@peerloom/ping'
import type { Preset } from './preset.ts'

const standardServices = (): { identify: ReturnType<typeof identify>; ping: ReturnType<typeof ping> } => ({
  identify: identify(),
  ping: ping()
})

export type StandardServices = ReturnType<typeof standardServices>

/** The options, with the preset where they say nothing; services are added. */
export function createPresetNode<const S extends ServiceModules>(
  { listen, ...modules }: Preset,
  options: NodeOptions<S>
): Promise<Node<Services<StandardServices & S>>> {
  return createBareNode<StandardServices & S>({
    ...modules,
    ...options,
    addresses: { listen, ...options.addresses },
    services: { ...standardServices(), ...options.services } as StandardServices & S
  })
}
