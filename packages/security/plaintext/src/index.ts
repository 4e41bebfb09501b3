/** The unencrypted libp2p plaintext/2.0.0 handshake, for tests only. */
export {}
