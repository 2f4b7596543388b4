import { expect, test } from 'vitest'
import { parseConfig } from '../../../src/config/parse-config.ts'
import { selectHosts } from '../../../src/run/hosts/select-hosts.ts'

const config = parseConfig('config: {clusters: {local: {nas: {type: streaming}}}}', 'test.yml', [])

test('this machine and a cluster of its name are not taken for each other', () => {
  const namesOf = (...clusters: (string | undefined)[]) => [...selectHosts(config, clusters, []).values()].flat().map(({ name }) => name)
  expect(namesOf(undefined)).toEqual(['local'])
  expect(namesOf('local')).toEqual(['nas'])
  expect(() => namesOf(undefined, 'local')).toThrow(/this machine, which bears the name of the cluster "local"/)
})
