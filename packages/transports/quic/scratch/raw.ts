// the binding alone: two connections in one process, no sockets
import { createCertificate } from '@peerloom/certificates'
import { createConfigs, loadBinding } from '@peerloom/quic-engine/quiche'
const PKT = Number(process.env['PKT'] ?? 1350)
const b = loadBinding(import.meta.url)
const now = Date.now()
const { pem, privateKeyPem } = createCertificate({ notBefore: now - 1e6, notAfter: now + 1e8 })
const mk = () =>
  createConfigs(b, {
    protocols: ['x'],
    certificate: pem,
    privateKey: privateKeyPem,
    askForCertificate: true,
    idleTimeoutMs: 5000,
    streamWindowBytes: 4 << 20,
    connectionWindowBytes: 8 << 20,
    maxInboundStreams: 10
  })
const A = { host: '127.0.0.1', port: 1000 },
  B = { host: '127.0.0.1', port: 2000 }
const id = () => crypto.getRandomValues(new Uint8Array(16))
const c = b.Connection.connect(null, id(), A, B, mk()({ host: PKT > 2000 ? '127.0.0.1' : '10.0.0.1', port: 1 }))
const s = b.Connection.accept(id(), null as any, B, A, mk()({ host: PKT > 2000 ? '127.0.0.1' : '10.0.0.1', port: 1 }))
const cpu = () => {
  const u = process.cpuUsage()
  return (u.user + u.system) / 1e6
}
const t = { send: 0, recv: 0, ssend: 0, srecv: 0, n: 0 }
const cs = { from: A, to: B },
  sc = { from: B, to: A }
const out = Array.from({ length: 64 }, () => new Uint8Array(PKT))
function move(from: any, to: any, info: any, k: 'c' | 's', max: number) {
  let n = 0
  const lens: number[] = []
  let t0 = performance.now()
  while (n < max) {
    const r = from.send(out[n])
    if (r === null) break
    lens.push(r[0])
    n++
  }
  let t1 = performance.now()
  for (let i = 0; i < n; i++) to.recv(out[i]!.subarray(0, lens[i]), info)
  const t2 = performance.now()
  if (k === 'c') {
    t.send += t1 - t0
    t.recv += t2 - t1
    t.n += n
  } else {
    t.ssend += t1 - t0
    t.srecv += t2 - t1
  }
  return n
}
while (!(c.isEstablished() && s.isEstablished())) {
  move(c, s, cs, 'c', 64)
  move(s, c, sc, 's', 64)
}
t.send = t.recv = t.n = t.ssend = t.srecv = 0
const total = 64 << 20
let sent = 0,
  got = 0,
  w = 0,
  r = 0
const chunk = new Uint8Array(256 << 10),
  into = new Uint8Array(64 << 10)
const c0 = cpu(),
  w0 = performance.now()
while (got < total) {
  let a = performance.now()
  while (sent < total) {
    const k = c.streamSend(0, chunk, false) ?? 0
    sent += k
    if (k < chunk.length) break
  }
  w += performance.now() - a
  const m1 = move(c, s, cs, 'c', Math.max(4, Math.floor(86400 / PKT)))
  a = performance.now()
  for (;;) {
    let x
    try {
      x = s.streamRecv(0, into)
    } catch {
      break
    }
    if (x === null || x[0] === 0) break
    got += x[0]
  }
  r += performance.now() - a
  const m2 = move(s, c, sc, 's', 64)
  if (m1 + m2 === 0) await new Promise((r) => setTimeout(r, 1))
}
const g = got / 2 ** 30
console.log(
  `raw ${PKT}: ${(got / 2 ** 20 / ((performance.now() - w0) / 1000)).toFixed(1)} MiB/s, ${((cpu() - c0) / g).toFixed(1)} s/GiB; us/packet send ${((t.send * 1000) / t.n).toFixed(1)} recv ${((t.recv * 1000) / t.n).toFixed(1)} acks send+recv ${(((t.ssend + t.srecv) * 1000) / t.n).toFixed(1)} streamSend ${((w * 1000) / t.n).toFixed(1)} streamRecv ${((r * 1000) / t.n).toFixed(1)}`
)
