/** `encode hosts [-c CLUSTER] [--json] [PATH...]`: the doctor. */

import { existsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { systemClock } from '../core/clock.ts'
import { EncodeError } from '../core/errors.ts'
import { toVisible } from '../core/text.ts'
import type { Config, HostConfig } from '../model/config.ts'
import { LOCAL_CLUSTER } from '../plan/target.ts'
import { createEncoderTrial } from '../run/encoders/try-usual-encoders.ts'
import { EXIT } from '../run/exit-status.ts'
import { openHostMemory } from '../run/hosts/host-memory.ts'
import { checkHostNames, hostsOf, toLocalHost } from '../run/hosts/select-hosts.ts'
import { examineHosts, findDeadClusters } from '../run/look/doctor.ts'
import { toHostReportJson } from '../view/host-report-json.ts'
import { renderHostTable } from '../view/host-table.ts'
import { createWaitingLine } from '../view/waiting-line.ts'
import { chooseChalk } from './choose-chalk.ts'
import { progressTerminal, withHostAccess } from './host-access.ts'
import { loadCliConfig } from './load-cli-config.ts'
import type { Arguments } from './parse-arguments.ts'
import { printLines } from './print-lines.ts'
import { stateFolder } from './state-folder.ts'

/** Resolves to 3 when a cluster has no host that can be used. */
export async function hostsCommand(args: Arguments): Promise<number> {
  const paths = args.words.map((word) => requirePath(word))
  const config = await loadCliConfig(args.config)
  const hosts = chooseHosts(config, args)
  const names = [...hosts.values()].flat().flatMap(({ name, isEnabled }) => (isEnabled ? [name] : []))
  const waiting = createWaitingLine('Asking hosts', names, progressTerminal(args))
  return await withHostAccess({ config, ...waiting }, async (access) => {
    waiting.show()
    using memory = openHostMemory({ folder: stateFolder(process.env), clock: systemClock, pid: process.pid, warner: process })
    const reports = await examineHosts({
      ...access,
      hosts,
      paths,
      speeds: memory.speeds,
      tryEncoders: createEncoderTrial({ memory: memory.trials, now: systemClock.now }),
      clock: systemClock,
      onReport: ({ host, state }) => (state === 'disabled' ? undefined : waiting.done(host)),
    })
    waiting.hide()
    const columns = process.stdout.isTTY === true ? process.stdout.columns : undefined
    const isVerbose = args.verbosity === 'verbose'
    await printLines(
      args.isJson
        ? reports.map(toHostReportJson)
        : renderHostTable(reports, { clusters: [...hosts.keys()], columns, isVerbose, chalk: chooseChalk(args, config.colorize) }),
    )
    return findDeadClusters(hosts.keys(), reports).length > 0 ? EXIT.noHost : EXIT.done
  })
}

/** The clusters that were named, else all; without any, this machine. Disabled hosts are among them. */
function chooseHosts(config: Config, { clusters, hosts: only }: Arguments): ReadonlyMap<string, readonly HostConfig[]> {
  const names = clusters.length > 0 ? clusters : config.clusters.map(({ name }) => name)
  const chosen = new Map(names.map((name) => [name, hostsOf(config, name)]))
  if (chosen.size === 0) chosen.set(LOCAL_CLUSTER, [toLocalHost(config)])
  if (only.length === 0) return chosen
  checkHostNames(chosen, only)
  const pinned = [...chosen].map(([cluster, members]) => [cluster, members.filter(({ name }) => only.includes(name))] as const)
  return new Map(pinned.filter(([, members]) => members.length > 0))
}

function requirePath(word: string): string {
  const path = resolve(word)
  if (existsSync(path)) return path
  throw new EncodeError('USAGE_INVALID', `There is no file or folder "${toVisible(word)}" in "${toVisible(dirname(path))}"`, {
    hint: 'Name media that is here, to see which hosts see it, too',
  })
}
