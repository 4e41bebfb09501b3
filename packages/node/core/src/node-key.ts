import { generateKey, privateKeyFromProtobuf } from '@peerloom/identity'
import { isPeerloomError, PeerloomError, type PrivateKey } from '@peerloom/interface'
import { type Datastore, Key } from 'interface-datastore'

const place = new Key('/peerloom/self')

/**
 * The node's own key, kept in its datastore as it is: whoever can read the datastore is the node. Use a keychain and
 * `privateKey` where that is not good enough. Rejects with ERR_STORE.
 */
export async function loadOrCreateKey(datastore: Datastore): Promise<PrivateKey> {
  try {
    if (await datastore.has(place)) return await privateKeyFromProtobuf(await datastore.get(place))
    const key = await generateKey()
    await datastore.put(place, key.protobuf)
    return key
  } catch (cause) {
    if (isPeerloomError(cause, 'ERR_INVALID_KEY')) throw cause
    throw new PeerloomError('ERR_STORE', 'the node’s key could not be read or kept', { cause })
  }
}
