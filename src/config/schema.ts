/**
 * The configuration file as a JSON schema: the one source of which keys there are, what they take and what they mean.
 * ajv checks against it, the messages and the documentation are made from it.
 *
 * Beside JSON schema's own words: `expected` says in words what a pattern takes, `whenLeftOut` what holds without the key,
 * `whenEmpty: 'error'` keeps a key without a value from being read as left out, `deprecated` marks keys of pytranscoder
 * that are read and warned of.
 */

import { RATE_PATTERN } from '../core/units.ts'
import { VERIFY_LEVELS } from '../model/plan.ts'

export interface Schema {
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean'
  readonly description?: string
  readonly expected?: string
  readonly whenEmpty?: 'error'
  readonly whenLeftOut?: string
  readonly deprecated?: true
  /** What the key means when it is written without a value. */
  readonly default?: unknown
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: Schema | false
  readonly items?: Schema
  readonly anyOf?: readonly Schema[]
  readonly enum?: readonly string[]
  readonly pattern?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly minItems?: number
  readonly maxItems?: number
}

/** Words that ajv has to know besides JSON schema's. */
export const SCHEMA_ANNOTATIONS = ['expected', 'whenEmpty', 'whenLeftOut'] as const

const NO_CONTROL = '^[^\\u0000-\\u001f\\u007f]+$'

function path(description: string): Schema {
  return { type: 'string', description, pattern: NO_CONTROL, expected: 'a path' }
}

function orElse(whenLeftOut: string, schema: Schema): Schema {
  return { ...schema, whenLeftOut }
}

/** A value that may stand in an argument list of ssh: it never begins with a dash and holds no white space. */
function sshWord(description: string, expected: string): Schema {
  return { type: 'string', description, pattern: '^[^\\s\\u0000-\\u001f\\u007f-][^\\s\\u0000-\\u001f\\u007f]*$', expected }
}

const WORD_LIST = [{ type: 'string' }, { type: 'array', items: { type: 'string', minLength: 1 } }] as const satisfies readonly Schema[]

function words(description: string): Schema {
  return { description, anyOf: WORD_LIST, expected: 'a list of names, or names separated by spaces' }
}

function options(description: string): Schema {
  return {
    description: `${description}. A list with one option an entry ("-crf 20"), or one text`,
    anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string', pattern: '\\S', expected: 'an option such as "-crf 20"' } }],
    expected: 'a list of options, or one text',
    default: [],
  }
}

function queues(description: string): Schema {
  const slots: Schema = { type: 'integer', minimum: 0, maximum: 1000 }
  return {
    description,
    anyOf: [
      { type: 'object', additionalProperties: slots },
      { type: 'array', items: { type: 'object', additionalProperties: slots } },
      { type: 'string', enum: ['auto'] },
    ],
    expected: 'queue names with their numbers of slots, or "auto"',
  }
}

const QUEUE: Schema = { type: 'string', description: 'Queue to run in', whenLeftOut: '`_default`', minLength: 1, default: '_default' }
const THRESHOLD: Schema = {
  type: 'number',
  description: 'Least saving in percent of the size; a result that saves less is thrown away and the source stays. 0 keeps any result',
  whenLeftOut: '0',
  minimum: 0,
  maximum: 100,
}
const THRESHOLD_CHECK: Schema = {
  type: 'number',
  description: 'Percent done from which an encode that saves less than the threshold is stopped early. 100 judges only the finished result',
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
    description: `Which ${what} streams are kept when a file has several`,
    properties: {
      include_languages: orElse('all', words(`Keep only the ${what} streams of these languages (as in the file: eng, jpn)`)),
      exclude_languages: orElse('none', words(`Leave out the ${what} streams of these languages`)),
      default_language: {
        type: 'string',
        description: 'Language whose stream becomes the default one when the old default is left out',
        minLength: 1,
      },
    },
    additionalProperties: false,
  }
}

/** `parseSeconds` reads it. */
function time(description: string): Schema {
  return { type: 'string', description, pattern: '^(off|[0-9]+(\\.[0-9]+)? ?[smh]?)$', expected: 'a time such as 300, 90s, 5m, 1h or off' }
}

const STALL_TIMEOUT =
  'An encode or a transfer that stands still for so long is ended and tried on another host: 300, 90s, 5m, 1h. 0 waits for ever'

const VERIFY: Schema = {
  type: 'string',
  description:
    'How results are held against their sources. quick: size, length, streams, first and last frames. full: the host decodes all of it as well. off: the size alone',
  enum: VERIFY_LEVELS,
}

const KEEPALIVE: Schema = {
  type: 'number',
  description: 'Seconds between signs of life that a host is asked for; it is lost when it has said nothing for three times as long',
  minimum: 1,
  maximum: 600,
}

const STREAM_SAFETY =
  'Keep every stream that the container can hold, convert or leave out (with a warning) those that it cannot, and keep HDR10 data'

const PROFILE_SCHEMA: Schema = {
  type: 'object',
  description: 'How to encode. A profile without an extension is a fragment, to include or to use as mixin',
  properties: {
    description: { type: 'string', description: 'One line that says what the profile is for' },
    include: words('Profiles whose options this one takes over; its own win'),
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
      description: 'Map all streams, or those of the wanted languages; goes before the automap of section "config"',
      whenLeftOut: 'as `config.automap`',
    },
    audio: languages('audio'),
    subtitle: languages('subtitle'),
    variants: words(
      'Profiles or encoders that make the same of the picture, best first; the first that a host can use is taken there: [hevc_nvenc, libx265]',
    ),
    require: words('Labels that a host must have, all of them, to get such a job'),
    any: words('Labels of which a host must have at least one'),
    prefer: words('Labels that decide between hosts that are equal otherwise'),
    stall_timeout: orElse('as `config.stall_timeout`', time(STALL_TIMEOUT)),
    verify: orElse('as `config.verify`', VERIFY),
    stream_safety: {
      type: 'boolean',
      description: `${STREAM_SAFETY}; goes before the stream_safety of section "config"`,
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

const TEMPLATE_SCHEMA: Schema = {
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

const NUMERIC = 'A number, "<N", ">N", "<=N", ">=N" or "LOW-HIGH" (both ends belong to it); "!" in front turns it round'

function criterion(description: string): Schema {
  return { type: 'string', description, minLength: 1, whenEmpty: 'error' }
}

const CRITERIA: Schema = {
  type: 'object',
  description: 'What must all be true of a file; a rule without criteria takes every file',
  properties: {
    vcodec: criterion('Video codec as ffprobe names it (h264, hevc); "!" in front turns it round'),
    res_height: criterion(`Height of the picture in pixels. ${NUMERIC}`),
    res_width: criterion(`Width of the picture in pixels. ${NUMERIC}`),
    runtime: criterion(`Length in minutes. ${NUMERIC}`),
    filesize_mb: criterion(`Size in MiB. ${NUMERIC}`),
    fps: criterion(`Frames a second. ${NUMERIC}`),
    path: criterion('Regular expression that is searched in the full path: ".*/anime/.*"'),
    source_size: { ...criterion('Is the old name of "filesize_mb"'), deprecated: true },
  },
  additionalProperties: false,
}

const CRITERIA_FORMS = [CRITERIA, { type: 'array', items: CRITERIA }] as const satisfies readonly Schema[]

const RULE_SCHEMA: Schema = {
  type: 'object',
  description: 'Picks the profile of a file; rules are tried in the order written, the first that matches wins',
  properties: {
    profile: { type: 'string', description: 'Profile or template to use, or SKIP to leave the file alone', minLength: 1 },
    criteria: {
      anyOf: CRITERIA_FORMS,
      description: CRITERIA.description ?? '',
      expected: 'criteria with their values',
      whenLeftOut: 'every file',
    },
    rules: {
      anyOf: CRITERIA_FORMS,
      deprecated: true,
      description: 'Is the old name of "criteria"',
      expected: 'criteria with their values',
    },
  },
  required: ['profile'],
  additionalProperties: false,
}

const SUBSTITUTION_FORMS: readonly Schema[] = [
  { type: 'string', minLength: 1 },
  { type: 'array', items: { type: 'string', pattern: NO_CONTROL, expected: 'a path' }, minItems: 2, maxItems: 2 },
  {
    type: 'object',
    properties: {
      from: path('Folder as the controller sees it'),
      to: path('The same folder as the host sees it'),
      src: { ...path('Is the old name of "from"'), deprecated: true },
      dest: { ...path('Is the old name of "to"'), deprecated: true },
    },
    additionalProperties: false,
  },
]

const SUBSTITUTION_EXPECTED =
  '"/controller/path/ /host/path/", ["/controller/path/", "/host/path/"] or {from: /controller/path/, to: /host/path/}'

const SUBSTITUTIONS: Schema = {
  type: 'array',
  whenLeftOut: 'paths are the same there',
  description: 'How paths of the controller read on a mounted host: "/controller/path/ /host/path/". The longest that fits counts',
  items: { anyOf: SUBSTITUTION_FORMS, expected: SUBSTITUTION_EXPECTED },
}

function size(description: string): Schema {
  return { type: 'string', description, pattern: '^[0-9]+(\\.[0-9]+)? ?([kKmMgGtTpP]?[bB])?$', expected: 'a size such as 500MB, 2GB or 0' }
}

function rate(description: string): Schema {
  return { type: 'string', description, pattern: RATE_PATTERN, expected: 'a rate such as 20M (bytes a second), 100Mbit or off' }
}

const AS_SSH = 'as for `ssh`'

const CHECKSUM = 'Compare the SHA-256 of both ends of every transfer, not its size alone; the host needs a program for it'

const PREFETCH: Schema = {
  type: 'integer',
  description:
    'Sources a slot that a streaming host may fetch ahead while its slots are taken, as far as its disk has room. 0 fetches none',
  minimum: 0,
  maximum: 16,
}

const HOST_SCHEMA: Schema = {
  type: 'object',
  description: 'A machine that encodes; needs an SSH server and ffmpeg, nothing else. What is left out comes from ~/.ssh/config',
  properties: {
    type: {
      type: 'string',
      description: 'mounted: the host sees the media itself. streaming: the media travels over SSH. local: this machine',
      whenLeftOut: '`mounted` with path-substitutions, else `streaming`',
      enum: ['mounted', 'streaming', 'local', 'agent'],
      expected: '"mounted", "streaming" or "local"',
    },
    os: {
      type: 'string',
      description: "The host's system",
      whenLeftOut: 'found out',
      enum: ['linux', 'macos', 'windows', 'win10', 'freebsd', 'openbsd', 'netbsd'],
    },
    address: orElse("the host's own name", sshWord('Name or address to connect to', 'a host name or an address')),
    ip: sshWord('The same as "address"', 'a host name or an address'),
    port: { type: 'integer', description: 'Port of the SSH server', whenLeftOut: AS_SSH, minimum: 1, maximum: 65_535 },
    user: orElse(AS_SSH, sshWord('User to log in as', 'a user name')),
    identity_file: orElse(AS_SSH, path('Private key to log in with')),
    known_hosts: orElse(AS_SSH, path("File of known host keys, instead of OpenSSH's")),
    host_key_check: {
      type: 'string',
      description:
        'strict: an unknown host key is refused. accept-new: it is written down on the first visit. A changed key is always refused',
      whenLeftOut: `${AS_SSH}, else \`strict\``,
      enum: ['strict', 'accept-new'],
    },
    proxy_jump: orElse(AS_SSH, sshWord('Host to go through, as in ssh -J: user@gate:22', 'hosts as in ssh -J')),
    ffmpeg: orElse('looked for', path('Path of ffmpeg on the host')),
    ffprobe: orElse('looked for', path('Path of ffprobe on the host')),
    working_dir: orElse('its temporary folder', path('Folder on the host for work files')),
    'path-substitutions': SUBSTITUTIONS,
    profiles: orElse('all', words('The host takes these profiles (and templates) only')),
    templates: words('Templates that the host takes, added to profiles'),
    queues: orElse('`_default: 1`', queues('Slots of each queue: "cuda: 2" runs two jobs at a time. auto: from its cores and GPU')),
    max_jobs: {
      type: 'integer',
      description: 'Jobs at a time over all queues of the host',
      whenLeftOut: 'as many as it has slots',
      minimum: 1,
      maximum: 1000,
    },
    min_free: orElse('as `config.min_free`', size("What jobs leave free on the disk of the host's working folder: 2GB")),
    prefetch: orElse('as `config.prefetch`', PREFETCH),
    rate_limit: orElse('none of its own', rate('Bytes a second that go to the host and come from it, in all: 5M, 20Mbit')),
    keepalive: orElse('as `config.keepalive`', KEEPALIVE),
    checksum: { type: 'boolean', description: CHECKSUM, whenLeftOut: 'as `config.checksum`' },
    labels: words('Marks of your own, which profiles can require'),
    env: {
      type: 'object',
      description: 'Environment variables for ffmpeg on the host',
      additionalProperties: { type: 'string' },
    },
    nice: {
      description: 'Runs ffmpeg with this niceness, so that others on the host come first; yes is 10',
      whenLeftOut: 'no, but 10 on a machine with one core or less than 1 GiB of memory',
      anyOf: [{ type: 'boolean' }, { type: 'integer', minimum: -20, maximum: 19 }],
      expected: 'yes, no or a whole number from -20 to 19',
    },
    status: { type: 'string', description: 'disabled leaves the host out', whenLeftOut: '`enabled`', enum: ['enabled', 'disabled'] },
    hbcli: { deprecated: true, description: 'Has no effect: HandBrakeCLI is not run' },
    docker: { deprecated: true, description: 'Has no effect: ffmpeg is run directly, not in a container' },
    profile: { type: 'string', deprecated: true, description: 'Is read as "profiles" with this one name', minLength: 1 },
    'path-substitution': {
      anyOf: [...SUBSTITUTION_FORMS.slice(2), SUBSTITUTIONS],
      deprecated: true,
      description: 'Is the old name of "path-substitutions"',
      expected: '{src: /controller/path/, dest: /host/path/}',
    },
  },
  additionalProperties: false,
}

const CONFIG_SECTION: Schema = {
  type: 'object',
  description: 'What holds for all runs',
  properties: {
    default_queue_file: path('Queue file to work off when the command line names no file'),
    ffmpeg: orElse('looked for', path('Path of ffmpeg on this machine')),
    ffprobe: orElse('looked for', path('Path of ffprobe on this machine')),
    ssh: orElse('`ssh` on the PATH', path("Path of OpenSSH's client, which is asked what ~/.ssh/config says of a host")),
    queues: orElse('`_default: 1`', queues('Slots of this machine when no cluster is named')),
    automap: {
      type: 'boolean',
      description: 'When a file has several audio or subtitle streams, map all of them, or those of the wanted languages',
      whenLeftOut: 'yes',
    },
    stream_safety: {
      type: 'boolean',
      description: STREAM_SAFETY,
      whenLeftOut: 'yes for shipped profiles and those that include one, else no',
    },
    fls_path: path('Fast local folder for the work files of this machine'),
    hard_links: {
      type: 'string',
      description:
        'What becomes of a source that would be replaced and has other names (hard links), which keep the old film: replace warns, skip leaves it alone',
      whenLeftOut: '`replace`',
      enum: ['replace', 'skip'],
    },
    min_free: orElse('256MB', size('What jobs leave free on each disk that they write to: 500MB, 2GB, 0')),
    prefetch: orElse('1', PREFETCH),
    rate_limit: orElse('none', rate('Bytes a second that go to all hosts and come from them, in all: 20M, 100Mbit. off: no limit')),
    max_failures: {
      type: 'integer',
      description:
        'So many jobs in a row that fail on a host and are done by another one set the host aside for a minute, doubled each time up to half an hour. 0 never does',
      whenLeftOut: '3',
      minimum: 0,
      maximum: 1000,
    },
    stall_timeout: orElse('5m', time(STALL_TIMEOUT)),
    verify: orElse('`quick`', VERIFY),
    keepalive: orElse("5, or less where OpenSSH's ServerAliveInterval and ServerAliveCountMax are stricter", KEEPALIVE),
    checksum: { type: 'boolean', description: CHECKSUM, whenLeftOut: 'no' },
    clusters: {
      type: 'object',
      description: 'Named groups of hosts',
      additionalProperties: { type: 'object', description: 'The hosts of one cluster by name', additionalProperties: HOST_SCHEMA },
    },
    colorize: {
      type: 'boolean',
      deprecated: true,
      description: 'Is not needed: colours are used where the terminal has them, unless NO_COLOR or --no-color says otherwise',
    },
    plex_server: { deprecated: true, description: 'Has no effect: Plex is not told of new files' },
    docker: { deprecated: true, description: 'Has no effect: ffmpeg is run directly, not in a container' },
    hbcli: { deprecated: true, description: 'Has no effect: HandBrakeCLI is not run' },
    concurrent_jobs: {
      type: 'integer',
      deprecated: true,
      description: 'Is read as the slots of queue "_default": write "queues: {_default: N}"',
      minimum: 1,
      maximum: 1000,
    },
  },
  additionalProperties: false,
}

const PROFILES_SECTION: Schema = { type: 'object', description: 'Profiles by name', additionalProperties: PROFILE_SCHEMA }

export const CONFIG_SCHEMA: Schema = {
  type: 'object',
  description: 'The configuration of encode',
  properties: {
    config: CONFIG_SECTION,
    profiles: PROFILES_SECTION,
    templates: { type: 'object', description: 'Templates by name', additionalProperties: TEMPLATE_SCHEMA },
    rules: { type: 'object', description: 'Rules by name, tried in the order written', additionalProperties: RULE_SCHEMA },
    new_config: { deprecated: true, description: 'Has no effect, nor had it in pytranscoder' },
  },
  additionalProperties: false,
}

/** A file of shipped profiles. */
export const SHIPPED_SCHEMA: Schema = {
  type: 'object',
  description: 'Shipped profiles',
  properties: { profiles: PROFILES_SECTION },
  required: ['profiles'],
  additionalProperties: false,
}
