/**
 * The floors of the house (ARCHITECTURE.md): imports only point down, type-only imports included.
 * test/floors.test.ts asserts that every module under src/ was read.
 */

const ALL_BELOW = {
  core: [],
  model: ['core'],
  config: ['model', 'core'],
  ledger: ['model', 'core'],
  media: ['model', 'core'],
  profile: ['model', 'core'],
  host: ['model', 'core'],
  transfer: ['host', 'model', 'core'],
  job: ['transfer', 'host', 'profile', 'media', 'ledger', 'config', 'model', 'core'],
  plan: ['profile', 'media', 'config', 'model', 'core'],
  scheduler: ['model', 'core'],
  view: ['model', 'core'],
  run: ['view', 'scheduler', 'plan', 'job', 'transfer', 'host', 'profile', 'media', 'ledger', 'config', 'model', 'core'],
  cli: ['run', 'view', 'scheduler', 'plan', 'job', 'transfer', 'host', 'profile', 'media', 'ledger', 'config', 'model', 'core'],
}

const REASONS = {
  core: 'core knows nothing of encoding',
  model: 'the nouns and the events are types that everybody shares; they know nobody',
  config: 'config makes a Config of YAML and is done',
  ledger: 'the ledger keeps what it is told',
  media: 'media is pure: arguments and parsers, tested without running anything',
  profile: 'profile is pure: rules and options in, ffmpeg arguments out',
  host: 'a host runs commands and holds files; what for is not its business',
  transfer: 'transfer moves bytes between here and a host',
  job: 'a job knows its stages, not who waits or who watches',
  plan: 'a plan says what would be done, and touches nothing',
  scheduler: 'the scheduler knows no SSH and no ffmpeg: it is given runJob',
  view: 'a view learns of the world through events alone, so that none can slow the work',
  run: 'a run puts everything together, for a command line or anything else',
  cli: 'the command line is the top floor',
}

/** Packages and built-in modules that have one home, so that what they do can be found in one place. */
const HOMES = [
  ['ssh2', '^src/(host/ssh|transfer)/', 'SSH is spoken behind the Host port'],
  ['listr2|chalk', '^src/(view|cli)/', 'printing happens in view and cli alone'],
  ['ajv|yaml', '^src/config/', 'configuration is read in one place'],
  ['sqlite', '^src/ledger/', 'the database has one owner'],
  ['process', '^src/cli/', 'the only home of process'],
]

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...Object.entries(ALL_BELOW).map(([folder, below]) => ({
      name: `floor-${folder}`,
      comment: `${REASONS[folder]}. It may use: ${below.join(', ') || 'nothing else of src'}.`,
      severity: 'error',
      from: { path: `^src/${folder}/` },
      to: { path: '^src/', pathNot: `^src/(${[folder, ...below].join('|')})/` },
    })),
    ...HOMES.map(([packages, home, comment]) => ({
      name: `home-of-${packages.replaceAll('|', '-and-')}`,
      comment,
      severity: 'error',
      from: { path: '^src/', pathNot: home },
      to: { path: `((^|/)node_modules/(@types/)?(${packages})/|^(node:)?(${packages})$)` },
    })),
    {
      name: 'known-folder',
      comment: 'A module outside the known folders stands on no floor: give its folder a line in ALL_BELOW and in ARCHITECTURE.md.',
      severity: 'error',
      from: { path: '^src/', pathNot: `^src/(${Object.keys(ALL_BELOW).join('|')})/` },
      to: {},
    },
    {
      name: 'no-circle',
      comment: 'Two modules that need each other are one module, or a third one is missing.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-orphan',
      comment: 'Nobody imports it and it imports nobody: it is left over.',
      severity: 'error',
      from: { orphan: true, path: '^src/', pathNot: '^src/cli/main\\.ts$' },
      to: {},
    },
    {
      name: 'no-test-in-src',
      comment: 'What is shipped never needs what tests it.',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|bench)/' },
    },
    {
      name: 'no-dev-dependency',
      comment: 'A package that src/ needs at run time is a dependency, not a devDependency.',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'], pathNot: '^node_modules/@types/' },
    },
    {
      name: 'no-unresolved',
      comment: 'An import that leads nowhere.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['node', 'import', 'types'],
      extensions: ['.ts', '.js', '.json'],
    },
  },
}
