/** `encode explain FILE...`: why each file gets its rule, profile, streams, arguments and host. Connects to no host. */

import { lstat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { describeError, EncodeError, isEncodeError } from '../core/errors.ts'
import { nearest } from '../core/nearest.ts'
import { toVisible } from '../core/text.ts'
import type { Config, HostConfig } from '../model/config.ts'
import { createFfprobe, findFfprobeProgram } from '../plan/ffprobe.ts'
import { type FoundSource, findSources } from '../plan/find-sources.ts'
import { refusePicture } from '../plan/refuse-picture.ts'
import { selectHosts } from '../run/hosts/select-hosts.ts'
import { chooseChalk } from './choose-chalk.ts'
import { type ExplainOptions, explainFile, requireHosts } from './explain/explain-file.ts'
import { renderExplanation, renderFailure, toExplanationObject, toFailureObject } from './explain/render-explanation.ts'
import { loadCliConfig } from './load-cli-config.ts'
import type { Arguments } from './parse-arguments.ts'
import { printLines, printObjects } from './print-lines.ts'

const DEFAULT_COLUMNS = 80

export async function explainCommand(args: Arguments): Promise<number> {
  if (args.targets.length === 0) {
    throw new EncodeError('USAGE_INVALID', 'There is nothing to explain', { hint: 'Give files or folders: encode explain film.mp4' })
  }
  const config = await loadCliConfig(args.config)
  const clusters = new Map([...new Set(args.targets.map(({ cluster }) => cluster))].map((name) => [name, findHosts(config, name)]))
  requireHosts([...clusters.values()].flat(), args.hosts, (name) =>
    nearest(
      name,
      [...clusters.values()].flat().map((host) => host.name),
    ),
  )
  const ffprobe = createFfprobe(findFfprobeProgram(config))
  const chalk = chooseChalk(args, config.colorize)
  const look = { chalk, columns: process.stdout.columns ?? DEFAULT_COLUMNS, isVerbose: args.verbosity === 'verbose' }
  let isFirst = true
  let status = 0
  const empty: string[] = []
  for await (const source of findSources(args.targets, process.cwd(), { onEmpty: ({ path }) => empty.push(path) })) {
    const options: ExplainOptions = {
      config,
      cluster: source.target.cluster,
      hosts: clusters.get(source.target.cluster) ?? [],
      onlyHosts: args.hosts,
      keepsSource: args.keepsSource,
      outputFolder: args.output === undefined ? undefined : resolve(args.output),
    }
    const explained = source.kind === 'refused' ? source : await explain(source, options)
    if (explained.kind === 'refused') status = 1
    const gap = isFirst ? [] : ['']
    isFirst = false
    if (args.isJson) {
      await printObjects([explained.kind === 'refused' ? toFailureObject(explained) : toExplanationObject(explained.explanation, options)])
    } else if (explained.kind === 'refused') {
      await printLines([...gap, ...renderFailure(explained, look)])
    } else {
      const { explanation } = explained
      const isTaken = explanation.end.kind === 'encode' && (await exists(explanation.end.output))
      await printLines([...gap, ...renderExplanation(explanation, options, { ...look, isTaken, overwrites: args.overwrites })])
    }
  }
  for (const path of empty) process.stderr.write(`encode: There is no media file in "${toVisible(path)}"\n`)
  return status

  async function explain(source: FoundSource, options: ExplainOptions) {
    try {
      const media = await ffprobe.probe(source.path)
      refusePicture(media)
      return { kind: 'explained', explanation: explainFile(source, media, options) } as const
    } catch (error) {
      if (!isEncodeError(error) || error.code === 'CONFIG_INVALID' || error.code === 'USAGE_INVALID') throw error
      return { kind: 'refused', path: source.path, reason: describeError(error) } as const
    }
  }
}

/** Disabled ones too: why a host is left out is part of the answer. */
function findHosts(config: Config, cluster: string | undefined): readonly HostConfig[] {
  const known = config.clusters.find(({ name }) => name === cluster)
  return known?.hosts ?? [...selectHosts(config, [cluster], []).values()].flat()
}

async function exists(path: string): Promise<boolean> {
  return await lstat(path).then(
    () => true,
    () => false,
  )
}
