/** The Channel base, message framing, and adapters to it-pipe duplexes and WHATWG streams. */
export {}
