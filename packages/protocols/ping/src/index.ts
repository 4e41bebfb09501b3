/** The ping protocol. */
export {}
