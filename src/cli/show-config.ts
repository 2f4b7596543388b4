/** `encode config show [FILE]`: the effective configuration as YAML, with where each value comes from behind it. */

import { homedir } from 'node:os'
import { findConfigFile } from '../config/find-config-file.ts'
import { loadExaminedConfig, loadShippedFiles } from '../config/load-config.ts'
import { toConfig } from '../config/parse-config.ts'
import { showConfig as listConfig } from '../config/show-config.ts'
import type { SshFacts } from '../config/show-host.ts'
import { listShown, type Origin, renderShown } from '../config/shown-tree.ts'
import { describeError, isEncodeError } from '../core/errors.ts'
import { mapConcurrently } from '../core/map-concurrently.ts'
import { toVisible } from '../core/text.ts'
import { loadSshSettings, toDestination } from '../host/ssh/ssh-settings.ts'
import type { Config, HostConfig } from '../model/config.ts'
import { describePlace } from './describe-origin.ts'
import type { Arguments } from './parse-arguments.ts'
import { printLines, printObjects } from './print-lines.ts'
import { SHIPPED_FOLDER } from './shipped-folder.ts'

/** Each asks `ssh -G` once. */
const ASKED_AT_ONCE = 8

export async function showConfig(args: Arguments, explicit: string | undefined): Promise<number> {
  const file = await findConfigFile({ explicit, env: process.env, homeFolder: homedir() })
  const examined = await loadExaminedConfig({ file, homeFolder: homedir(), shippedFolder: SHIPPED_FOLDER })
  const config = toConfig(examined)
  const facts = await askSsh(config)
  const showsAllShipped = args.verbosity === 'verbose'
  const shipped = await loadShippedFiles(SHIPPED_FOLDER)
  const entries = listConfig(examined, { shipped, sshOf: (host) => facts.get(host), showsAllShipped })
  if (args.isJson) {
    await printObjects(
      listShown(entries).map(({ path, value, origin }) => ({
        path,
        value,
        origin: origin.kind,
        file: origin.place?.file ?? null,
        line: origin.place?.line ?? null,
      })),
    )
    return 0
  }
  await printLines([
    `# ${file === undefined ? 'No configuration file: everything is default' : `Effective configuration of ${toVisible(file)}`}`,
    '# Behind each value stands where it comes from. Profiles stand as written;',
    '# "encode profiles NAME" shows one with what it includes.',
    ...(showsAllShipped ? [] : ['# Shipped profiles that are not used here are left out; -v shows them.']),
    ...renderShown(entries, describeShownOrigin),
  ])
  return 0
}

/** Hosts that are used, and reached over SSH. One that cannot be looked up says why; the others are shown all the same. */
async function askSsh(config: Config): Promise<ReadonlyMap<HostConfig, SshFacts>> {
  const hosts = config.clusters.flatMap((cluster) => cluster.hosts).filter((host) => host.isEnabled && host.type !== 'local')
  const around = { sshProgram: config.ssh, env: process.env, homeFolder: homedir() }
  const facts = await mapConcurrently(hosts, ASKED_AT_ONCE, async (host): Promise<readonly [HostConfig, SshFacts]> => {
    try {
      return [host, await loadSshSettings(toDestination(host), around)]
    } catch (error) {
      if (!isEncodeError(error)) throw error
      return [host, { problem: describeError(error) }]
    }
  })
  return new Map(facts)
}

function describeShownOrigin({ kind, place, detail }: Origin): string {
  const where = place === undefined ? '' : describePlace(place, kind === 'shipped')
  const what = kind === 'default' ? 'default' : kind === 'ssh' ? 'SSH configuration' : where
  return detail === undefined ? what : `${what}; ${toVisible(detail)}`
}
