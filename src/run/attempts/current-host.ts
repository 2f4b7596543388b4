/**
 * The host that an attempt works on, whichever connection it has at the time: a job holds it for as long as it runs, and the host may be
 * opened anew in the middle of a transfer.
 */

import type { Host } from '../../host/host.ts'

export function createCurrentHost(current: () => Host): Host {
  return {
    get config() {
      return current().config
    },
    get mark() {
      return current().mark
    },
    open: (...args) => current().open(...args),
    run: (...args) => current().run(...args),
    putFile: (...args) => current().putFile(...args),
    getFile: (...args) => current().getFile(...args),
    adoptFile: (...args) => current().adoptFile(...args),
    statFile: (...args) => current().statFile(...args),
    makeFolder: (...args) => current().makeFolder(...args),
    removeFiles: (...args) => current().removeFiles(...args),
    guardFile: (...args) => current().guardFile(...args),
    freeBytes: (...args) => current().freeBytes(...args),
    load: (...args) => current().load(...args),
    joinPath: (...args) => current().joinPath(...args),
    get followFile() {
      return current().followFile
    },
    get listen() {
      return current().listen
    },
    get hidesEnvironment() {
      return current().hidesEnvironment
    },
    leave: () => current().leave(),
    [Symbol.asyncDispose]: () => current()[Symbol.asyncDispose](),
  }
}
