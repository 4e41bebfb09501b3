/** Workloads with two drivers, ours and js-libp2p, side by side in one run. */
export {}
