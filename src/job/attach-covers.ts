/**
 * Cover pictures for containers that hold them as attached files: ffmpeg attaches files only, so each is copied out of the source on
 * the host first. A film is worth more than its cover: one that cannot be taken out is left out.
 */

import { toFfmpegInput } from '../media/probe-arguments.ts'
import type { AttachedCover } from '../model/plan.ts'
import type { MediaRoute } from '../transfer/media-route.ts'
import type { JobContext } from './job-context.ts'

export interface CoverFiles {
  /** Output options that attach what was taken out. */
  readonly options: readonly string[]
  /** Removes the pictures from the host. */
  remove(): Promise<void>
}

const FORMS: Readonly<Record<string, { readonly extension: string; readonly mimeType: string }>> = {
  mjpeg: { extension: '.jpg', mimeType: 'image/jpeg' },
  png: { extension: '.png', mimeType: 'image/png' },
  bmp: { extension: '.bmp', mimeType: 'image/bmp' },
}

export async function takeCoversOut(context: JobContext, route: MediaRoute): Promise<CoverFiles> {
  const { plan, host, signal, files } = context
  const options: string[] = []
  const paths: string[] = []
  for (const [at, cover] of (plan.covers ?? []).entries()) {
    const form = FORMS[cover.codec]
    if (form === undefined) continue
    const path = host.joinPath(await context.workFolder(), `${plan.id}-${context.attempt}.cover-${at + 1}${form.extension}`)
    await files.note('host', path)
    paths.push(path)
    const { status } = await host.run(copyPicture(context, route.hostSource, cover, path), { signal })
    if (status !== 0) continue
    const specifier = `s:t:${cover.attachment - (at - options.length / OPTIONS_PER_COVER)}`
    const name = `cover${at === 0 ? '' : `-${at + 1}`}${form.extension}`
    options.push('-attach', path, `-metadata:${specifier}`, `filename=${name}`, `-metadata:${specifier}`, `mimetype=${form.mimeType}`)
  }
  return {
    options,
    async remove() {
      if (paths.length > 0) await host.removeFiles(paths)
      for (const path of paths) await files.forget('host', path)
    },
  }
}

const OPTIONS_PER_COVER = 6

function copyPicture({ facts }: JobContext, source: string, { streamIndex }: AttachedCover, path: string): readonly string[] {
  const picture = ['-map', `0:${streamIndex}`, '-c', 'copy', '-frames:v', '1', '-f', 'image2', '-update', '1', path]
  return [facts.ffmpegPath, '-nostdin', '-hide_banner', '-loglevel', 'error', '-y', '-i', toFfmpegInput(source), ...picture]
}
