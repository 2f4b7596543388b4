/** Which code encrypts: ssh2's native binding saves a third of a transfer's time, and its absence is silent. */

import { createSecretKey } from 'node:crypto'
import { createRequire } from 'node:module'
import type ssh2 from 'ssh2'

export interface SshCrypto {
  /** ssh2's binding was built for this Node and loads. */
  readonly isNative: boolean
  /** For `-v`, one line. */
  readonly description: string
}

export function describeSshCrypto(): SshCrypto {
  const { isNative, why } = loadBinding()
  if (isNative) return { isNative, description: 'SSH encryption is native (ssh2 with its binding)' }
  return {
    isNative,
    description: `SSH encryption is plain JavaScript and a third slower: ssh2's binding does not load (${why}); "npm rebuild ssh2" builds it for this Node`,
  }
}

/**
 * To be called whenever session keys have changed. Without its binding ssh2 has Node make a key of the same bytes for each packet, a
 * sixth of what a byte costs then; here they become one for all. Where ssh2 keeps them is its own affair: what is not as known is left.
 */
export function keepKeys(client: ssh2.Client): void {
  const { _cipher: cipher, _decipher: decipher } = (client as { _protocol?: Record<string, unknown> })._protocol ?? {}
  for (const [holder, name] of [
    [cipher, '_encKey'],
    [decipher, '_decipherKey'],
  ] as const) {
    const own = holder as Record<string, unknown> | undefined
    const key = own?.[name]
    if (own?.constructor?.name.startsWith('AESGCM') === true && Buffer.isBuffer(key)) own[name] = createSecretKey(key)
  }
}

function loadBinding(): { readonly isNative: boolean; readonly why: string } {
  const load = createRequire(import.meta.url)
  try {
    // What ssh2 itself found when it was loaded; it tells nobody.
    const { bindingAvailable } = load('ssh2/lib/protocol/crypto.js') as { readonly bindingAvailable: boolean }
    if (bindingAvailable) return { isNative: true, why: '' }
    load('ssh2/lib/protocol/crypto/build/Release/sshcrypto.node')
    return { isNative: false, why: 'for a reason unknown' }
  } catch (error) {
    return { isNative: false, why: (error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND' ? 'not built' : 'built for another Node' }
  }
}
