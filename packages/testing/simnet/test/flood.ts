import { type Edge, Network, type NetworkOptions, Recorder, RouterResident } from '@peerloom/simnet'
import { FloodRouter } from './flood-router.ts'

/** A network of routers that flood, all in one topic. */
export function floodNetwork(
  options: NetworkOptions,
  edges: readonly Edge[]
): { network: Network; recorder: Recorder } {
  const network = new Network(options)
  const recorder = new Recorder(network)
  recorder.setReceivers(options.nodes)
  for (let node = 0; node < options.nodes; node++) {
    const resident = new RouterResident(network, node, {
      makeRouter: (host) => new FloodRouter(host),
      deliver: recorder.deliver,
      trace: recorder.trace
    })
    network.place(node, resident)
    resident.router.subscribe('t')
  }
  for (const [from, to] of edges) network.connect(from, to)
  return { network, recorder }
}
