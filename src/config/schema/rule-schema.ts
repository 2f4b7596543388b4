/** Rules: which profile a file gets, by what ffprobe says of it. */

import type { Schema } from './json-schema.ts'

const NUMERIC = 'A number, "<N", ">N", "<=N", ">=N" or "LOW-HIGH" (both ends belong to it); "!" in front inverts it'

function criterion(description: string): Schema {
  return { type: 'string', description, minLength: 1, whenEmpty: 'error' }
}

const CRITERIA: Schema = {
  type: 'object',
  description: 'What must all be true of a file; a rule without criteria takes every file',
  properties: {
    vcodec: criterion('Video codec as ffprobe names it (h264, hevc); "!" in front inverts it'),
    res_height: criterion(`Height of the picture in pixels. ${NUMERIC}`),
    res_width: criterion(`Width of the picture in pixels. ${NUMERIC}`),
    runtime: criterion(`Length in minutes. ${NUMERIC}`),
    filesize_mb: criterion(`Size in MiB. ${NUMERIC}`),
    fps: criterion(`Frames a second. ${NUMERIC}`),
    path: criterion('Regular expression that is searched for in the full path: ".*/anime/.*"'),
    source_size: { ...criterion('Is the old name of "filesize_mb"'), deprecated: true },
  },
  additionalProperties: false,
}

const CRITERIA_FORMS = [CRITERIA, { type: 'array', items: CRITERIA }] as const satisfies readonly Schema[]

export const RULE_SCHEMA: Schema = {
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
