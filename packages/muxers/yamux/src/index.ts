/** The yamux stream multiplexer. */
export {}
