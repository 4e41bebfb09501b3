import type { Metrics } from '@peerloom/interface'

const nothing = (): void => {}

/** Counts nothing: what a node uses when it is given no exporter. */
export const noMetrics: Metrics = {
  counter: () => ({ add: nothing }),
  gauge: () => ({ set: nothing }),
  histogram: () => ({ observe: nothing })
}
