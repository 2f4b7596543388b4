/** In which order a user's keys are offered, and what came of it. */

import type { AnyAuthMethod } from 'ssh2'
import type { AuthAttempts } from './connect-errors.ts'
import type { Identities } from './identities.ts'

/** Hands out one way to authenticate after the other, and remembers them for the error. */
export class AuthOrder implements AuthAttempts {
  readonly offered: string[] = []
  methodsLeft: readonly string[] | undefined
  isPartial = false
  readonly #user: string
  readonly #identities: Identities
  #position = -1

  constructor(user: string, identities: Identities) {
    this.#user = user
    this.#identities = identities
  }

  next(methodsLeft: readonly string[] | null, partialSuccess: boolean | null): AnyAuthMethod {
    if (methodsLeft !== null) this.methodsLeft = methodsLeft
    this.isPartial ||= partialSuccess === true
    this.#position += 1
    // "none" first: its refusal lists what the server takes, and sshd does not count it as an attempt.
    if (this.#position === 0) return { type: 'none', username: this.#user }
    const identity = this.#identities.list[this.#position - 1]
    const isWanted = this.methodsLeft === undefined || this.methodsLeft.includes('publickey')
    // ssh2 takes `false` for "no more"; its types do not say so.
    if (identity === undefined || !isWanted) return false as unknown as AnyAuthMethod
    this.offered.push(identity.description)
    return { type: 'agent', username: this.#user, agent: identity.agent }
  }
}
