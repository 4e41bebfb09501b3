/** Keys, peer ids, signed envelopes, peer records and a keychain. */
export {}
