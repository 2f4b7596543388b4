import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { EventFields, EventName } from '../../src/model/events.ts'

type FieldTypes = { readonly [Name in EventName]: { readonly [Field in keyof Required<EventFields[Name]>]: string } }

/** Every event with every field: TypeScript refuses this object as soon as one is missing here or is no more. */
const EXPECTED: FieldTypes = {
  'run.started': { jobs: 'integer', clusters: 'array of strings', files: 'integer, optional' },
  'host.up': {
    cluster: 'string',
    host: 'string',
    os: 'string',
    ffmpeg: 'string',
    encoders: 'array of strings',
    free_bytes: 'integer or null',
  },
  'host.draining': { cluster: 'string', host: 'string', reason: 'string', jobs: 'integer' },
  'host.down': { cluster: 'string', host: 'string', reason: 'string' },
  'job.queued': {
    job: 'string',
    file: 'string',
    cluster: 'string',
    profile: 'string',
    queue: 'string',
    source_bytes: 'integer, optional',
    duration_s: 'number or null, optional',
  },
  'job.started': { job: 'string', file: 'string', host: 'string', attempt: 'integer', copy: 'boolean, optional' },
  'job.stage': { job: 'string', stage: 'string', host: 'string, optional', attempt: 'integer, optional' },
  'job.progress': {
    job: 'string',
    host: 'string',
    stage: 'string',
    attempt: 'integer, optional',
    waiting: 'boolean, optional',
    percent: 'number or null',
    fps: 'number or null',
    speed: 'number or null',
    eta_s: 'number or null',
    size_bytes: 'integer or null',
    saved_percent: 'number or null',
  },
  'job.retry': { job: 'string', host: 'string', reason: 'string', attempt: 'integer, optional', running: 'boolean, optional' },
  'job.done': {
    job: 'string',
    file: 'string',
    host: 'string',
    output: 'string',
    seconds: 'number',
    source_bytes: 'integer',
    output_bytes: 'integer',
    saved_percent: 'number',
  },
  'job.skipped': { job: 'string, optional', file: 'string', reason: 'string' },
  'job.failed': { job: 'string, optional', file: 'string', host: 'string or null', reason: 'string', log: 'string or null' },
  'job.planned': {
    file: 'string',
    cluster: 'string',
    host: 'string or null',
    rule: 'string or null',
    profile: 'string',
    queue: 'string',
    arguments: 'array of strings',
    output: 'string',
  },
  warning: { message: 'string', momentary: 'boolean, optional' },
  'run.finished': {
    done: 'integer',
    skipped: 'integer',
    failed: 'integer',
    seconds: 'number',
    source_bytes: 'integer',
    output_bytes: 'integer',
    exit: 'integer',
    left: 'integer, optional',
  },
}

const sections = readSections(readFileSync(new URL('../../docs/events.md', import.meta.url), 'utf8'))

describe('docs/events.md', () => {
  it('has a section for each event and for no other', () => {
    expect([...sections.keys()].sort()).toEqual(Object.keys(EXPECTED).sort())
  })

  it.each(Object.entries(EXPECTED))('tells each field of %s with its type', (name, fields) => {
    expect(sections.get(name)?.fields).toEqual(fields)
  })

  it.each(Object.entries(EXPECTED))('shows a line of %s that is what the table says', (name, fields) => {
    const { time, event, ...rest } = JSON.parse(sections.get(name)?.example ?? '{}')
    expect(event).toBe(name)
    expect(new Date(time).toISOString()).toBe(time)
    expect(Object.keys(rest).sort()).toEqual(Object.keys(fields).sort())
    for (const [field, type] of Object.entries<string>(fields)) expect(type).toContain(typeOf(rest[field], type))
  })
})

interface Section {
  readonly fields: Readonly<Record<string, string>>
  readonly example: string | undefined
}

function readSections(text: string): ReadonlyMap<string, Section> {
  const parts = text.split(/^### /m).slice(1)
  return new Map(
    parts.map((part) => {
      const rows = [...part.matchAll(/^\| `(\w+)` \| ([^|]+) \| [^|]+ \|$/gm)]
      return [
        /^`([\w.]+)`/.exec(part)?.[1] ?? '',
        { fields: Object.fromEntries(rows.map((row) => [row[1], row[2]?.trim()])), example: /```json\n(.*)\n```/.exec(part)?.[1] },
      ]
    }),
  )
}

function typeOf(value: unknown, documented: string): string {
  if (Array.isArray(value)) return 'array of strings'
  if (typeof value === 'number') return Number.isInteger(value) && documented.startsWith('integer') ? 'integer' : 'number'
  return value === null ? 'null' : typeof value
}
