/** Batteries included: createNode() with sane modules for this runtime, and the CLI. */
export {}
