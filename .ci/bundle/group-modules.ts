/**
 * Which modules stand in one file together. By itself the bundler makes a file of whatever several commands share, forty of them for a run: each
 * costs half a millisecond, as they are looked for, read and linked one by one.
 *
 * So what is loaded with a run is one file, and what is loaded with every call another. Other commands load the former for what they share with
 * it, but not the completion, which a shell waits for at each press of a key.
 */

import { join } from 'node:path'
import type { OutputOptions } from 'rolldown'

type Groups = Exclude<OutputOptions['codeSplitting'], boolean | undefined>

interface Graph {
  getModuleInfo(id: string): { readonly importedIds: readonly string[] } | null
}

export function groupModules(root: string): Groups {
  const at = (file: string): string => join(root, 'src/cli', file)
  let groups: ReadonlyMap<string, string> | undefined

  function findGroups(graph: Graph): ReadonlyMap<string, string> {
    const [entry, call, completion, run] = ['main.ts', 'run-cli.ts', 'completion-command.ts', 'run-command.ts'].map((file) =>
      collectImports(at(file), graph),
    ) as [Imports, Imports, Imports, Imports]
    const found = new Map<string, string>()
    for (const id of run) if (!completion.has(id)) found.set(id, 'run')
    for (const id of call) found.set(id, 'call')
    for (const id of entry) found.delete(id)
    return found
  }

  return {
    includeDependenciesRecursively: false,
    groups: [
      {
        name(id, graph) {
          groups ??= findGroups(graph)
          return groups.get(id) ?? null
        },
      },
    ],
  }
}

type Imports = ReadonlySet<string>

/** A module and all that is loaded before it. */
function collectImports(id: string, graph: Graph, found = new Set<string>()): Imports {
  if (found.has(id)) return found
  found.add(id)
  for (const imported of graph.getModuleInfo(id)?.importedIds ?? []) collectImports(imported, graph, found)
  return found
}
