import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { type Dns, resolve } from '@peerloom/core'
import { expect, test } from 'vitest'

const peer = '12D3KooWJ5zkTDdXTmeA4eGhmQx4rQZTVYMJbQQjaTwh2wnLqcvk'
const other = '12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp'

interface Zone {
  readonly hosts?: Readonly<Record<string, { readonly 4?: string[]; readonly 6?: string[] }>>
  readonly txt?: (name: string) => string[]
}

function fakeDns(zone: Zone): Dns & { asked: number } {
  const dns = {
    asked: 0,
    async lookup(name: string, family: 4 | 6) {
      dns.asked++
      const found = zone.hosts?.[name]?.[family]
      if (found === undefined) throw new Error(`no such name ${name}`)
      return found
    },
    async txt(name: string) {
      dns.asked++
      return zone.txt?.(name) ?? []
    }
  }
  return dns
}

const resolved = async (text: string, dns: Dns, limits = {}): Promise<string[]> =>
  (await resolve(multiaddr(text), dns, { limits })).map(String)

test('a host name becomes its addresses, in the families that were asked for', async () => {
  const dns = fakeDns({ hosts: { 'a.example': { 4: ['1.2.3.4', '1.2.3.5'], 6: ['2001:db8::1'] } } })
  expect(await resolved('/dns4/a.example/tcp/1', dns)).toEqual(['/ip4/1.2.3.4/tcp/1', '/ip4/1.2.3.5/tcp/1'])
  expect(await resolved('/dns6/a.example/tcp/1', dns)).toEqual(['/ip6/2001:db8::1/tcp/1'])
  expect(await resolved('/dns/a.example/tcp/1', dns)).toHaveLength(3)
})

test('one family without an answer does not spoil the other', async () => {
  const dns = fakeDns({ hosts: { 'a.example': { 4: ['1.2.3.4'] } } })
  expect(await resolved('/dns/a.example/tcp/1', dns)).toEqual(['/ip4/1.2.3.4/tcp/1'])
})

test('a name without any answer is a typed error with its cause', async () => {
  await expect(resolved('/dns4/b.example/tcp/1', fakeDns({}))).rejects.toMatchObject({
    code: 'ERR_DNS',
    cause: { message: 'no such name b.example' }
  })
})

test('dnsaddr entries are followed, through names and further entries', async () => {
  const dns = fakeDns({
    hosts: { 'host.example': { 4: ['1.2.3.4'] } },
    txt: (name) =>
      name === '_dnsaddr.a.example'
        ? ['dnsaddr=/dnsaddr/b.example', 'dnsaddr=/ip4/9.9.9.9/tcp/1', 'unrelated=1']
        : ['dnsaddr=/dns4/host.example/tcp/2']
  })
  expect(await resolved('/dnsaddr/a.example', dns)).toEqual(['/ip4/1.2.3.4/tcp/2', '/ip4/9.9.9.9/tcp/1'])
})

test('names that whoever dials them needs are kept, also those that entries lead to', async () => {
  const dns = fakeDns({
    hosts: { 'host.example': { 4: ['1.2.3.4'] } },
    txt: () => ['dnsaddr=/dns4/host.example/tcp/443/wss', 'dnsaddr=/dns4/host.example/tcp/2']
  })
  const keep = (address: Multiaddr): boolean => address.toString().endsWith('/wss')
  const found = await resolve(multiaddr('/dnsaddr/a.example'), dns, { keep })
  expect(found.map(String)).toEqual(['/dns4/host.example/tcp/443/wss', '/ip4/1.2.3.4/tcp/2'])
})

test('only entries of the wanted peer are taken', async () => {
  const dns = fakeDns({
    txt: () => [`dnsaddr=/ip4/1.1.1.1/tcp/1/p2p/${other}`, `dnsaddr=/ip4/2.2.2.2/tcp/1/p2p/${peer}`]
  })
  expect(await resolved(`/dnsaddr/a.example/p2p/${peer}`, dns)).toEqual([`/ip4/2.2.2.2/tcp/1/p2p/${peer}`])
})

test('records that do not parse are passed over', async () => {
  const dns = fakeDns({ txt: () => ['dnsaddr=', 'dnsaddr=/nonsense/1', 'dnsaddr=/ip4/1.1.1.1/tcp/1'] })
  expect(await resolved('/dnsaddr/a.example', dns)).toEqual(['/ip4/1.1.1.1/tcp/1'])
})

test('a host answer that is no address is passed over', async () => {
  const dns = fakeDns({ hosts: { 'a.example': { 4: ['999.1.2.3', '1.2.3.4'] } } })
  expect(await resolved('/dns4/a.example/tcp/1', dns)).toEqual(['/ip4/1.2.3.4/tcp/1'])
})

test('a circle of entries is walked once', async () => {
  const dns = fakeDns({
    txt: (name) => [name === '_dnsaddr.a.example' ? 'dnsaddr=/dnsaddr/b.example' : 'dnsaddr=/dnsaddr/a.example']
  })
  await expect(resolved('/dnsaddr/a.example', dns)).rejects.toMatchObject({ code: 'ERR_DNS' })
  expect(dns.asked).toBe(2)
})

test('a chain of entries is cut at its depth', async () => {
  let next = 0
  const dns = fakeDns({ txt: () => [`dnsaddr=/dnsaddr/host-${next++}.example`] })
  await expect(resolved('/dnsaddr/a.example', dns, { maxDepth: 5 })).rejects.toMatchObject({ code: 'ERR_DNS' })
  expect(dns.asked).toBe(5)
})

test('a tree of entries is cut at the number of questions', async () => {
  let next = 0
  const dns = fakeDns({ txt: () => Array.from({ length: 16 }, () => `dnsaddr=/dnsaddr/host-${next++}.example`) })
  await expect(resolved('/dnsaddr/a.example', dns)).rejects.toMatchObject({ code: 'ERR_DNS' })
  expect(dns.asked).toBe(32)
})

test('records of a name and addresses that come out are bounded', async () => {
  const dns = fakeDns({ txt: () => Array.from({ length: 1000 }, (_, at) => `dnsaddr=/ip4/1.1.1.1/tcp/${at + 1}`) })
  expect(await resolved('/dnsaddr/a.example', dns)).toHaveLength(16)
  const many = fakeDns({
    hosts: { 'a.example': { 4: Array.from({ length: 200 }, (_, at) => `1.1.1.${at}`) } }
  })
  expect(await resolved('/dns4/a.example/tcp/1', many)).toHaveLength(25)
})

test('an abort ends the wait for a server that never answers', async () => {
  const dns: Dns = { lookup: () => new Promise(() => {}), txt: () => new Promise(() => {}) }
  const abort = new AbortController()
  for (const text of ['/dns4/a.example/tcp/1', '/dnsaddr/a.example']) {
    const resolving = resolve(multiaddr(text), dns, { signal: abort.signal })
    abort.abort(new Error('enough'))
    await expect(resolving).rejects.toThrow('enough')
  }
})
