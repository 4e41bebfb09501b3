/** js-libp2p modules in Peerloom nodes, and Peerloom modules in js-libp2p nodes. */
export {}
