export type Labels = Readonly<Record<string, string>>

export interface Counter {
  add(amount?: number, labels?: Labels): void
}

export interface Gauge {
  set(value: number, labels?: Labels): void
}

export interface Histogram {
  observe(value: number, labels?: Labels): void
}

/** Vendor-free metrics; an exporter implements this. Names are Prometheus style: `peerloom_dial_total`. */
export interface Metrics {
  counter(name: string, help: string): Counter
  /** `read` is asked when the metric is collected. */
  gauge(name: string, help: string, read?: () => number): Gauge
  histogram(name: string, help: string, buckets?: readonly number[]): Histogram
}
