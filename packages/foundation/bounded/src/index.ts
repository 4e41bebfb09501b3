/** Bounded maps, queues, token buckets and protobuf decoding: what every remote-fed structure is made of. */
export {}
