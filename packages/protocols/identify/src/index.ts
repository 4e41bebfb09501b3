/** The identify and identify push protocols. */
export {}
