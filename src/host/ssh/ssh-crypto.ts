/** Which code encrypts: ssh2's native binding saves a third of a transfer's time, and its absence is silent. */

import { createRequire } from 'node:module'

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
