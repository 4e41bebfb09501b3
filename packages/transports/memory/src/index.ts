/** In-process transport for tests and simulations. */
export {}
