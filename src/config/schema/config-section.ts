/** The section `config`: what holds for all runs, and the clusters. */

import { HOST_SCHEMA } from './host-schema.ts'
import type { Schema } from './json-schema.ts'
import { CHECKSUM, KEEPALIVE, PREFETCH, STALL_TIMEOUT, STREAM_SAFETY, VERIFY } from './shared-keys.ts'
import { orElse, path, queues, rate, size, time } from './value-schemas.ts'

export const CONFIG_SECTION: Schema = {
  type: 'object',
  description: 'What holds for all runs',
  properties: {
    default_queue_file: path('Queue file to use when the command line names no file'),
    ffmpeg: orElse('looked for', path('Path of ffmpeg on this machine')),
    ffprobe: orElse('looked for', path('Path of ffprobe on this machine')),
    ssh: orElse('`ssh` on the PATH', path("Path of OpenSSH's client, which is asked for the settings of a host in ~/.ssh/config")),
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
        'What to do with a source that would be replaced but has other names (hard links), which would keep the old film: replace it with a warning, or skip it',
      whenLeftOut: '`replace`',
      enum: ['replace', 'skip'],
    },
    min_free: orElse('256MB', size('Space that jobs leave free on each disk that they write to: 500MB, 2GB, 0')),
    prefetch: orElse('1', PREFETCH),
    rate_limit: orElse(
      'none',
      rate('Limit in bytes per second for what goes to all hosts and comes from them together: 20M, 100Mbit. off: no limit'),
    ),
    max_failures: {
      type: 'integer',
      description:
        'After this many jobs in a row that failed on a host but succeeded on another, the host is set aside for a minute, doubled each time up to half an hour. 0: never',
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
    plex_server: { deprecated: true, description: 'Has no effect: Plex is not notified of new files' },
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
