/** What happens in a network of routers, as its events and their log name it. */
export const eventKinds = {
  message: 1,
  rpc: 2,
  /** The same, behind the downlink. */
  messageDown: 3,
  rpcDown: 4,
  uplink: 5,
  beat: 6,
  timer: 7,
  linked: 8,
  unlinked: 9,
  closing: 10,
  publish: 11,
  call: 12
} as const
