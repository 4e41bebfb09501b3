/** TCP and unix socket transport. */
export {}
