import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseConfig, parseShippedProfiles } from '../../src/config/parse-config.ts'
import { type FirstHost, renderFirstConfig } from '../../src/config/render-first-config.ts'

const shipped = parseShippedProfiles('profiles: {hevc: {extension: .mkv}}', 'shipped.yml')
const load = (text: string) => parseConfig(text, 'config.yml', shipped)

const streaming = { type: 'streaming', typeReason: 'sent', substitution: undefined, slots: 1, slotsReason: 'one' } as const
const nas: FirstHost = { name: 'nas', address: undefined, port: undefined, user: undefined, notes: [], found: streaming }
const first = { schemaUrl: 'file:///usr/lib/config.schema.json', cluster: 'home', hosts: [nas], mediaFolder: undefined }

describe('a first configuration', () => {
  test('names the schema in its first line and what to do next in the following ones', () => {
    const lines = renderFirstConfig({ ...first, mediaFolder: "/my films/it's" }).split('\n')
    expect(lines[0]).toBe('# yaml-language-server: $schema=file:///usr/lib/config.schema.json')
    expect(lines).toContain("#   encode -c home '/my films/it'\\''s'   does it")
  })

  test('whatever names and notes hold, it loads without warnings and says the same', () => {
    // Control characters cannot stand in a path or an address of a configuration.
    const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).map((value) => value.replace(/\p{Cc}/gu, '?').toWellFormed())
    const word = text.map((value) => value.replace(/[\s"]/g, '_').replace(/^-/, '_'))
    const note = fc.string({ unit: 'binary', maxLength: 300 })
    const substitution = fc.record({ from: text.map((path) => `/${path}`), to: text.map((path) => `/${path}`) })
    const host = fc.record({
      name: fc.oneof(word, fc.constantFrom('yes', 'null', '1e3', '0x1f', '~', 'on', '2026-11-21', '<<', '.inf')),
      address: fc.constant('10.0.0.7'),
      port: fc.option(fc.integer({ min: 1, max: 65_535 }), { nil: undefined }),
      user: fc.option(word, { nil: undefined }),
      notes: fc.array(note, { maxLength: 3 }),
      found: fc.record({
        type: fc.constantFrom('mounted', 'streaming', 'local'),
        typeReason: note,
        substitution: fc.option(substitution, { nil: undefined }),
        slots: fc.integer({ min: 1, max: 99 }),
        slotsReason: note,
      }),
    })
    const hosts = fc.uniqueArray(host, { selector: ({ name }) => name, minLength: 1, maxLength: 3 })
    fc.assert(
      fc.property(word, hosts, note, (cluster, members, mediaFolder) => {
        const { clusters, warnings } = load(renderFirstConfig({ ...first, cluster, hosts: members, mediaFolder }))
        expect(warnings).toEqual([])
        expect(clusters).toMatchObject([
          {
            name: cluster,
            hosts: members.map(({ name, address, port, user, found }) => ({
              name,
              address,
              port,
              user,
              type: found.type,
              queues: { _default: found.slots },
              pathSubstitutions:
                found.substitution === undefined ? [] : [{ from: toFolder(found.substitution.from), to: toFolder(found.substitution.to) }],
            })),
          },
        ])
      }),
    )
  })

  test('a host that could not be used comes to life when its "# " are taken away', () => {
    const dead: FirstHost = { ...nas, name: 'old', user: 'ann', notes: ['It is switched off.\nrm: -rf'], found: undefined }
    const text = renderFirstConfig({ ...first, hosts: [nas, dead] })
    expect(load(text).clusters[0]?.hosts.map(({ name }) => name)).toEqual(['nas'])
    const revived = load(text.replace(/# (old:| {2}user: ann)$/gm, '$1'))
    expect(revived.clusters[0]?.hosts).toMatchObject([{ name: 'nas' }, { name: 'old', user: 'ann', type: 'streaming' }])
    expect(load(renderFirstConfig({ ...first, hosts: [dead] }))).toMatchObject({ clusters: [{ name: 'home', hosts: [] }], warnings: [] })
  })
})

function toFolder(path: string): string {
  return /[/\\]$/.test(path) ? path : `${path}/`
}
