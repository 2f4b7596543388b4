/** Shipped profiles and a few more at work on a folder of films: facts, choice and a result that is proved whole. */

import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'vitest'
import { parseConfig, parseShippedProfiles } from '../../src/config/parse-config.ts'
import { expectResult } from '../../src/media/expect-result.ts'
import { findFirstFrameStream, firstFrameArguments, withFirstFrame } from '../../src/media/first-frame.ts'
import { judgeResult } from '../../src/media/judge-result.ts'
import { lastPacketArguments, parseLastPackets } from '../../src/media/last-packets.ts'
import { parseProbe } from '../../src/media/parse-probe.ts'
import { probeArguments } from '../../src/media/probe-arguments.ts'
import type { MediaInfo } from '../../src/model/media.ts'
import { toFfmpegArguments } from '../../src/model/plan.ts'
import { type Selection, selectProfile } from '../../src/profile/select-profile.ts'

export interface FilmEncoder extends AsyncDisposable {
  readonly folder: string
  /** In `folder`, with these arguments. */
  ffmpeg(...args: readonly string[]): Promise<void>
  /** All facts of a film in `folder`, those of its first frame included. */
  probe(name: string): Promise<MediaInfo>
  select(source: MediaInfo, profile: string): Selection
  /** The result, proved whole. */
  encode(name: string, profile: string): Promise<{ readonly media: MediaInfo; readonly warnings: readonly string[] }>
}

const SHIPPED = join(import.meta.dirname, '../../profiles')
const run = promisify(execFile)

/** @param configuration profiles beside the shipped ones, as YAML. */
export async function openFilmEncoder(configuration: string): Promise<FilmEncoder> {
  const files = (await readdir(SHIPPED)).filter((name) => name.endsWith('.yml')).map((name) => join(SHIPPED, name))
  const profiles = await Promise.all(files.map(async (file) => parseShippedProfiles(await readFile(file, 'utf8'), file)))
  const config = parseConfig(configuration, 'safety.yml', profiles.flat())
  const folder = await mkdtemp(join(tmpdir(), 'encode-films-'))

  async function ffmpeg(...args: readonly string[]): Promise<void> {
    await run('ffmpeg', ['-v', 'error', '-nostdin', '-y', ...args], { cwd: folder })
  }

  async function probe(name: string): Promise<MediaInfo> {
    const path = join(folder, name)
    const { size, mtimeMs } = await stat(path)
    const media = parseProbe((await run('ffprobe', [...probeArguments(path)])).stdout, { path, sizeBytes: size, mtimeMs })
    const stream = findFirstFrameStream(media)
    if (stream === undefined) return media
    return withFirstFrame(media, stream, (await run('ffprobe', [...firstFrameArguments(path, stream)])).stdout)
  }

  function select(source: MediaInfo, profile: string): Selection {
    return selectProfile(config, source, { profile, mixins: [] })
  }

  const encode: FilmEncoder['encode'] = async (sample, profile) => {
    const source = await probe(sample)
    const selection = select(source, profile)
    if (selection.kind !== 'encode') throw new Error(selection.reason)
    const name = `${sample}.${profile}${selection.profile.extension}`
    await ffmpeg(...toFfmpegArguments(selection.arguments, source.path, join(folder, name)).slice(1))
    const media = await probe(name)
    const expectation = expectResult(source, selection.arguments, selection.profile.extension)
    const { stdout } = await run('ffprobe', [...lastPacketArguments(media.path, media)])
    expect(judgeResult({ expectation, result: media, lastPacketSeconds: parseLastPackets(stdout), expectedSizeBytes: undefined })).toEqual(
      [],
    )
    return { media, warnings: selection.warnings }
  }

  return {
    folder,
    ffmpeg,
    probe,
    select,
    encode,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}
