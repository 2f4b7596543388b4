/** `encode init [FOLDER [HOST_PATH...]]`: writes a first configuration, from questions on a terminal or from flags alone. */

import { existsSync, statSync } from 'node:fs'
import { lstat, realpath } from 'node:fs/promises'
import { homedir, userInfo } from 'node:os'
import { dirname, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { describeBadName } from '../config/check-references.ts'
import { usualConfigFile } from '../config/find-config-file.ts'
import { renderFirstConfig } from '../config/render-first-config.ts'
import { describeError, EncodeError } from '../core/errors.ts'
import { makeFolders } from '../core/make-folders.ts'
import { replaceFile } from '../core/replace-file.ts'
import { toPlainLine, toSafeJson, toVisible } from '../core/text.ts'
import { listSshHosts } from '../host/ssh/list-ssh-hosts.ts'
import { LOCAL_CLUSTER } from '../plan/target.ts'
import { createEncoderTrial, NO_MEMORY } from '../run/encoders/try-usual-encoders.ts'
import { EXIT } from '../run/exit-status.ts'
import { type SurveyedHost, surveyHosts } from '../run/look/survey-hosts.ts'
import { toFirstHost } from '../run/look/to-first-config.ts'
import { quoteCommand } from '../view/quote-argument.ts'
import { createWaitingLine } from '../view/waiting-line.ts'
import { wrapWords } from '../view/wrap-words.ts'
import { askQuestion } from './ask-question.ts'
import { parseChoice, toCandidates } from './choose-candidates.ts'
import { progressTerminal, withHostAccess } from './host-access.ts'
import type { Arguments } from './parse-arguments.ts'
import { printLines } from './print-lines.ts'

const DEFAULT_CLUSTER = 'home'
const SCHEMA = fileURLToPath(new URL('../../docs/config.schema.json', import.meta.url))

/** Resolves to 3 when none of the hosts can be used; the file is written all the same. */
export async function initCommand(args: Arguments): Promise<number> {
  const file = targetFile(args.config)
  await refuseExisting(file, args.overwrites)
  const cluster = args.last.cluster ?? DEFAULT_CLUSTER
  const badName = describeBadName('Cluster', cluster)
  if (badName !== undefined) throw new EncodeError('USAGE_INVALID', badName)
  const isAsking = args.hosts.length === 0 && !args.isJson && process.stdin.isTTY === true && process.stderr.isTTY === true
  if (!isAsking && args.hosts.length === 0) {
    throw new EncodeError('USAGE_INVALID', 'No host was named, and there is no terminal to ask on', {
      hint: 'Name each with --host NAME, as you would for ssh; "--host local" is this machine',
    })
  }
  let shown = createWaitingLine('', [], undefined)
  const hide = (): void => shown.hide()
  const show = (): void => shown.show()
  return await withHostAccess({ config: { ssh: undefined, ffmpeg: undefined, ffprobe: undefined }, hide, show }, async (access) => {
    const { signal } = access
    const [folder, ...hostPaths] = args.words
    const hosts = toCandidates(isAsking ? await askHosts(signal) : args.hosts)
    const mediaFolder = folder === undefined ? (isAsking ? await askFolder(signal) : undefined) : requireFolder(folder)
    shown = createWaitingLine(
      'Asking hosts',
      hosts.map(({ name }) => name),
      progressTerminal(args),
    )
    shown.show()
    const surveyed = await surveyHosts({
      ...access,
      hosts,
      mediaFolder,
      hostPaths,
      tryEncoders: createEncoderTrial({ memory: NO_MEMORY, now: Date.now }),
      onAnswer: shown.done,
      ...(isAsking ? { askHostPath: (host, media) => askHostPath(host, media, signal) } : {}),
    })
    shown.hide()
    const text = renderFirstConfig({ schemaUrl: pathToFileURL(SCHEMA).href, cluster, mediaFolder, hosts: surveyed.map(toFirstHost) })
    await write(file, text, args.overwrites)
    const columns = process.stdout.isTTY === true ? process.stdout.columns : Number.POSITIVE_INFINITY
    await printLines(args.isJson ? [toJson(file, cluster, surveyed)] : describeResult(file, cluster, mediaFolder, surveyed, columns))
    return surveyed.some(({ kind }) => kind === 'up') ? EXIT.done : EXIT.noHost
  })
}

/** Where the configuration is looked for afterwards. */
function targetFile(explicit: string | undefined): string {
  const { ENCODE_CONFIG } = process.env
  if (explicit !== undefined) return resolve(explicit)
  if (ENCODE_CONFIG) return resolve(ENCODE_CONFIG)
  return usualConfigFile({ env: process.env, homeFolder: homedir() })
}

async function refuseExisting(file: string, overwrites: boolean): Promise<void> {
  const found = await lstat(file).catch(() => undefined)
  if (found === undefined || (overwrites && !found.isDirectory())) return
  throw new EncodeError('USAGE_INVALID', `"${toVisible(file)}" ${found.isDirectory() ? 'is a folder' : 'exists already'}`, {
    hint: 'Give --overwrite to replace a file, or another place with -y FILE',
  })
}

async function write(file: string, text: string, overwrites: boolean): Promise<void> {
  await makeFolders(dirname(file))
  // Behind a link stands the file that is meant.
  const target = overwrites ? await realpath(file).catch(() => file) : file
  const isStillWanted = async (): Promise<boolean> => overwrites || (await lstat(target).catch(() => undefined)) === undefined
  if (!(await replaceFile(target, text, { mode: 0o644, isStillWanted }))) await refuseExisting(file, false)
}

async function askHosts(signal: AbortSignal): Promise<readonly string[]> {
  const known = await listSshHosts({ homeFolder: homedir(), localUser: userInfo().username })
  const offered = [...known, LOCAL_CLUSTER]
  process.stderr.write(known.length === 0 ? '~/.ssh/config names no hosts.\n' : 'Hosts of ~/.ssh/config, and this machine:\n')
  if (known.length > 0) {
    const lines = offered.map(
      (name, index) => `  ${String(index + 1).padStart(2)}  ${name === LOCAL_CLUSTER ? 'local (this machine)' : toVisible(name)}`,
    )
    process.stderr.write(`${lines.join('\n')}\n`)
  }
  const fallback = known.length === 0 ? [LOCAL_CLUSTER] : known
  const otherwise = known.length === 0 ? 'only this machine' : known.length === 1 ? (known[0] ?? '') : `1-${known.length}`
  for (;;) {
    const answer = await askQuestion(`Which of them may encode? Numbers, or names as for ssh [${otherwise}]: `, signal)
    const chosen = parseChoice(answer, offered)
    if (answer === '') return fallback
    if (chosen === undefined) process.stderr.write(`There are numbers from 1 to ${offered.length}\n`)
    else if (await isWellNamed(chosen)) return chosen
  }
}

async function isWellNamed(names: readonly string[]): Promise<boolean> {
  try {
    toCandidates(names)
    return names.length > 0
  } catch (error) {
    if (!(error instanceof EncodeError)) throw error
    process.stderr.write(`${toVisible(`${error.message}. ${error.hint}`)}\n`)
    return false
  }
}

async function askFolder(signal: AbortSignal): Promise<string | undefined> {
  for (;;) {
    const answer = await askQuestion('A folder with media, to find out which hosts see it [none: media is sent]: ', signal)
    if (answer === '') return undefined
    try {
      return requireFolder(answer.replace(/^~(?=\/|$)/, homedir()))
    } catch (error) {
      if (!(error instanceof EncodeError)) throw error
      process.stderr.write(`${toVisible(error.message)}\n`)
    }
  }
}

async function askHostPath(host: string, mediaFolder: string, signal: AbortSignal): Promise<string | undefined> {
  const question = `"${toVisible(host)}" sees no ${toVisible(mediaFolder)}. As what does it mount it [not at all, media is sent]: `
  const answer = await askQuestion(question, signal)
  return answer === '' ? undefined : answer
}

function requireFolder(word: string): string {
  const folder = resolve(word)
  if (!existsSync(folder) || !statSync(folder).isDirectory()) {
    throw new EncodeError('USAGE_INVALID', `There is no folder "${toVisible(folder)}"`, { hint: 'Name the folder that holds your media' })
  }
  if (/\p{Cc}/u.test(folder)) {
    throw new EncodeError('USAGE_INVALID', `The name "${toVisible(folder)}" holds control characters, which no configuration carries`, {
      hint: 'Name a folder above it, or rename it',
    })
  }
  return folder
}

function describeResult(
  file: string,
  cluster: string,
  mediaFolder: string | undefined,
  surveyed: readonly SurveyedHost[],
  columns: number,
): readonly string[] {
  const width = Math.max(...surveyed.map(({ config }) => config.name.length))
  const hosts = surveyed.flatMap((host) => {
    const name = toVisible(host.config.name).padEnd(width)
    const found = host.kind === 'down' ? `left out: ${toPlainLine(describeError(host.error))}` : `${host.type}: ${toPlainLine(host.reason)}`
    return wrapWords(`  ${name}  ${found}`, columns, width + 4)
  })
  const written = [...hosts, `Wrote ${toVisible(file)}`, '']
  if (surveyed.every(({ kind }) => kind === 'down')) {
    return [...written, 'None of them can be used yet. Mend that, and call "encode init" again with --overwrite']
  }
  const choice = [...(file === targetFile(undefined) ? [] : ['-y', file]), '-c', cluster]
  return [
    ...written,
    `Next: ${quoteCommand(['encode', 'hosts', ...choice])}`,
    `      ${quoteCommand(['encode', ...choice, '--dry-run', mediaFolder ?? 'FOLDER'])}`,
  ]
}

function toJson(file: string, cluster: string, surveyed: readonly SurveyedHost[]): string {
  const hosts = surveyed.map((host) => {
    const { name } = host.config
    if (host.kind === 'down')
      return { host: name, usable: false, code: host.error.code, reason: host.error.message, cure: host.error.hint ?? null }
    return { host: name, usable: true, type: host.type, host_path: host.substitution?.to ?? null }
  })
  return toSafeJson({ file, cluster, hosts })
}
