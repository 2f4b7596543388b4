/** A host of a cluster. */

import type { Schema } from './json-schema.ts'
import { CHECKSUM, KEEPALIVE, PREFETCH } from './shared-keys.ts'
import { NO_CONTROL, orElse, path, queues, rate, size, sshWord, words } from './value-schemas.ts'

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
  description: 'Translates paths of the controller to those of a mounted host: "/controller/path/ /host/path/". The longest match wins',
  items: { anyOf: SUBSTITUTION_FORMS, expected: SUBSTITUTION_EXPECTED },
}

const AS_SSH = 'as for `ssh`'

export const HOST_SCHEMA: Schema = {
  type: 'object',
  description: 'A machine that encodes; it needs an SSH server and ffmpeg, nothing else. Keys left out are taken from ~/.ssh/config',
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
    min_free: orElse('as `config.min_free`', size("Space that jobs leave free on the disk of the host's working folder: 2GB")),
    prefetch: orElse('as `config.prefetch`', PREFETCH),
    rate_limit: orElse(
      'none of its own',
      rate('Limit in bytes per second for what goes to the host and comes from it together: 5M, 20Mbit'),
    ),
    keepalive: orElse('as `config.keepalive`', KEEPALIVE),
    checksum: { type: 'boolean', description: CHECKSUM, whenLeftOut: 'as `config.checksum`' },
    labels: words('Labels of your own, which profiles can require'),
    env: {
      type: 'object',
      description: 'Environment variables for ffmpeg on the host',
      additionalProperties: { type: 'string' },
    },
    nice: {
      description: 'Runs ffmpeg with this niceness, so that other programs on the host come first; yes is 10',
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
