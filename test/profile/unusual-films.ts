/** Films that hold what films seldom hold, all of them a second long. */

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { FilmEncoder } from './film-encoder.ts'
import { createPgsSubtitle } from './pgs-subtitle.ts'

/** A disc with all that a film may have, a phone's film, a recording of television, and others that profiles stumble over. */
export async function makeUnusualFilms({ folder, ffmpeg }: Pick<FilmEncoder, 'folder' | 'ffmpeg'>): Promise<void> {
  const picture = ['-f', 'lavfi', '-i', 'testsrc=s=321x180:r=25:d=1']
  const sound = ['-f', 'lavfi', '-i', 'sine=f=440:r=48000:d=1', '-ac', '2']
  const maps = (...inputs: readonly (number | string)[]) => inputs.flatMap((input) => ['-map', String(input)])
  await writeFile(join(folder, 's.srt'), '1\n00:00:00,200 --> 00:00:00,800\nHello\n')
  await writeFile(join(folder, 's.sup'), createPgsSubtitle())
  await writeFile(join(folder, 'font.ttf'), 'not really a font')
  const chapters = ['One', 'Two'].map(
    (title, at) => `[CHAPTER]\nTIMEBASE=1/1000\nSTART=${at * 500}\nEND=${at * 500 + 500}\ntitle=${title}\n`,
  )
  await writeFile(join(folder, 'chapters.txt'), `;FFMETADATA1\n${chapters.join('')}`)
  await ffmpeg('-f', 'lavfi', '-i', 'color=red:s=63x63', '-frames:v', '1', 'cover.jpg')
  await ffmpeg(...picture, '-pix_fmt', 'yuv444p', '-c:v', 'libx264', '-preset', 'ultrafast', 'silent.mkv')
  await ffmpeg('-i', 'silent.mkv', '-c:v', 'libvpx-vp9', '-pix_fmt', 'yuv420p', '-deadline', 'realtime', '-cpu-used', '8', 'vp9.mkv')
  const codecs = ['aac', 'ac3', 'dca', 'flac', 'libopus', 'libvorbis', 'pcm_s16be', 'libmp3lame']
  const encoders = codecs.flatMap((codec, at) => [`-c:a:${at}`, codec])
  await ffmpeg(...sound, ...maps(...codecs.map(() => 0)), ...encoders, '-strict', '-2', 'sounds.mka')
  // A PGS subtitle has no end of its own.
  await ffmpeg('-fix_sub_duration', '-i', 's.sup', '-c:s', 'dvdsub', 'dvd.mkv')
  const subtitles = ['-i', 's.srt', '-i', 's.sup', '-i', 'dvd.mkv']
  const attachments = [
    ...['-attach', 'font.ttf', '-metadata:s:t:0', 'mimetype=application/x-truetype-font'],
    ...['-attach', 'cover.jpg', '-metadata:s:t:1', 'mimetype=image/jpeg'],
  ]
  for (const [film, disc] of [
    ['silent.mkv', 'disc.mkv'],
    ['vp9.mkv', 'disc-vp9.mkv'],
  ] as const) {
    await ffmpeg(
      ...['-i', film, '-i', 'sounds.mka', ...subtitles, '-i', 'chapters.txt', ...maps(0, 1, 2, 2, 3, 4, 2), '-map_metadata', '5'],
      ...['-c', 'copy', '-c:s:1', 'ass', '-c:s:4', 'webvtt', ...attachments, disc],
    )
  }
  await ffmpeg('-i', 'silent.mkv', ...sound, '-c:v', 'copy', '-c:a', 'aac', 'simple.mp4')
  await ffmpeg(
    ...['-i', 'simple.mp4', '-i', 's.srt', '-i', 'cover.jpg', ...maps(0, 1, 2), '-c', 'copy', '-c:s', 'mov_text'],
    ...['-disposition:v:1', 'attached_pic', '-timecode', '00:00:00:00', 'phone.mp4'],
  )
  await ffmpeg('-i', 'simple.mp4', '-c', 'copy', '-metadata:s:v:0', 'rotate=90', 'turned.mp4')
  await ffmpeg(
    ...['-i', 'silent.mkv', '-i', 's.sup', ...sound, ...maps(0, 2, 1)],
    ...['-c:v', 'copy', '-c:a', 'mp2', '-c:s', 'dvbsub', 'television.ts'],
  )
  await ffmpeg(...sound, 'song.flac')
  const side = ['-f', 'lavfi', '-i', 'sine=d=1,aformat=channel_layouts=5.1(side)']
  await ffmpeg('-i', 'vp9.mkv', ...side, '-c:v', 'copy', '-c:a', 'ac3', 'cinema.mkv')
  await ffmpeg('-i', 'silent.mkv', ...sound, '-c:v', 'copy', '-c:a', 'pcm_bluray', 'blu-ray.m2ts')
  await ffmpeg(
    ...[...picture, '-vf', "select='not(mod(n,3))+gt(n,15)'", '-vsync', 'vfr'],
    ...['-pix_fmt', 'yuv444p', '-c:v', 'libx264', '-preset', 'ultrafast', 'variable.mkv'],
  )
}
