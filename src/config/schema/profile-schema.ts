/** Profiles, and templates, which are their short form. */

import type { Schema } from './json-schema.ts'
import { STALL_TIMEOUT, STREAM_SAFETY, VERIFY } from './shared-keys.ts'
import { options, orElse, time, words } from './value-schemas.ts'

const QUEUE: Schema = { type: 'string', description: 'Queue to run in', whenLeftOut: '`_default`', minLength: 1, default: '_default' }
const THRESHOLD: Schema = {
  type: 'number',
  description: 'Least saving in percent of the size; a result that saves less is discarded and the source stays. 0 keeps any result',
  whenLeftOut: '0',
  minimum: 0,
  maximum: 100,
}
const THRESHOLD_CHECK: Schema = {
  type: 'number',
  description:
    'Percentage of progress from which an encode that saves less than the threshold is stopped early. 100: only the finished result is checked',
  whenLeftOut: '100',
  minimum: 0,
  maximum: 100,
}
const EXTENSION: Schema = {
  type: 'string',
  description: "The result's file name extension, which is its container: .mkv, .mp4",
  pattern: '^\\.?[^\\s./\\\\\\u0000-\\u001f\\u007f][^\\s/\\\\\\u0000-\\u001f\\u007f]*$',
  expected: 'a file name extension such as ".mkv"',
}

function languages(what: string): Schema {
  return {
    type: 'object',
    description: `Which ${what} streams are kept if a file has several`,
    properties: {
      include_languages: orElse('all', words(`Keep only the ${what} streams of these languages (as in the file: eng, jpn)`)),
      exclude_languages: orElse('none', words(`Leave out the ${what} streams of these languages`)),
      default_language: {
        type: 'string',
        description: 'Language whose stream becomes the default if the old default stream is left out',
        minLength: 1,
      },
    },
    additionalProperties: false,
  }
}

export const PROFILE_SCHEMA: Schema = {
  type: 'object',
  description: 'How to encode. A profile without an extension is a fragment, to include or to use as mixin',
  properties: {
    description: { type: 'string', description: 'One line that says what the profile is for' },
    include: words('Profiles whose options this one inherits; its own options win'),
    input_options: options('ffmpeg options in front of the source'),
    output_options: options('ffmpeg options for the result'),
    output_options_audio: options('ffmpeg options for audio; a mixin can replace them'),
    output_options_video: options('ffmpeg options for video; a mixin can replace them'),
    output_options_subtitle: options('ffmpeg options for subtitles; a mixin can replace them'),
    extension: EXTENSION,
    queue: QUEUE,
    threshold: THRESHOLD,
    threshold_check: THRESHOLD_CHECK,
    automap: {
      type: 'boolean',
      description: 'Map all streams, or those of the wanted languages; overrides automap of section "config"',
      whenLeftOut: 'as `config.automap`',
    },
    audio: languages('audio'),
    subtitle: languages('subtitle'),
    variants: words(
      'Alternative profiles or encoders for the video, best first; each host uses the first that works there: [hevc_nvenc, libx265]',
    ),
    require: words('Labels that a host must have, all of them, to get such a job'),
    any: words('Labels of which a host must have at least one'),
    prefer: words('Labels that decide between hosts that are otherwise equal'),
    stall_timeout: orElse('as `config.stall_timeout`', time(STALL_TIMEOUT)),
    verify: orElse('as `config.verify`', VERIFY),
    stream_safety: {
      type: 'boolean',
      description: `${STREAM_SAFETY}; overrides stream_safety of section "config"`,
      whenLeftOut: 'as `config.stream_safety`',
    },
    processor: { deprecated: true, description: 'Has no effect: options are always those of ffmpeg, HandBrakeCLI is not run' },
    output_options_subtitles: {
      deprecated: true,
      description: 'Has no effect, nor had it in pytranscoder: write "output_options_subtitle"',
    },
  },
  additionalProperties: false,
}

export const TEMPLATE_SCHEMA: Schema = {
  type: 'object',
  description: 'The short form of a profile',
  properties: {
    cli: {
      type: 'object',
      description: 'The ffmpeg options',
      properties: {
        'input-options': options('ffmpeg options in front of the source'),
        'video-codec': { type: 'string', description: 'ffmpeg options for video: "-c:v libx265 -crf 22"' },
        'audio-codec': { type: 'string', description: 'ffmpeg options for audio: "-c:a copy"' },
        subtitles: { type: 'string', description: 'ffmpeg options for subtitles: "-c:s copy"' },
      },
      additionalProperties: false,
    },
    'audio-lang': orElse('all', words('Languages of the audio streams to keep; "*" in front of one makes it the default: "eng *jpn"')),
    'subtitle-lang': orElse('all', words('Languages of the subtitle streams to keep; "*" in front of one makes it the default')),
    extension: EXTENSION,
    queue: QUEUE,
    threshold: THRESHOLD,
    threshold_check: THRESHOLD_CHECK,
    verify: orElse('as `config.verify`', VERIFY),
  },
  required: ['cli', 'extension'],
  additionalProperties: false,
}
