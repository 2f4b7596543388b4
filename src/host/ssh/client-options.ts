/** Options of OpenSSH's client for one host, by lower-case name, wherever they were read. */

export interface ClientOptions {
  /** The first value: in OpenSSH's configuration the first one found wins. */
  one(name: string): string | undefined
  all(name: string): readonly string[]
  /** The identity files are OpenSSH's own list, named by nobody. */
  readonly hasDefaultIdentities: boolean
}

export function createClientOptions(
  entries: readonly (readonly [name: string, value: string])[],
  hasDefaultIdentities: boolean,
): ClientOptions {
  const all = (name: string): readonly string[] => entries.filter((entry) => entry[0] === name).map((entry) => entry[1])
  return { one: (name) => all(name)[0], all, hasDefaultIdentities }
}
