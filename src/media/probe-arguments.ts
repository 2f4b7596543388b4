/** How ffprobe is asked what a file holds. */

import { isAbsolute, win32 } from 'node:path'

/** Arguments for ffprobe, the program's name left out. */
export function probeArguments(path: string): readonly string[] {
  return ['-v', 'error', '-of', 'json', '-show_format', '-show_streams', '-i', toFfmpegInput(path)]
}

/**
 * A path as ffmpeg and ffprobe take it after `-i`. They read `NAME:` at the beginning as a protocol ("foo:bar.mp4: Protocol not found");
 * an absolute path cannot look like that, any other gets the `file:` protocol, which takes the rest as it is.
 */
export function toFfmpegInput(path: string): string {
  return isAbsolute(path) || win32.isAbsolute(path) ? path : `file:${path}`
}
