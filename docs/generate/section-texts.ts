/** What the schema cannot say of its sections: a heading, and an example that loads without a warning (a test does so). */

export interface SectionText {
  readonly title: string
  /** A whole configuration file. */
  readonly example?: string
}

export const SECTION_TEXTS: Readonly<Record<string, SectionText>> = {
  '': { title: 'The file' },
  config: {
    title: 'Section `config`',
    example: `config:
  default_queue_file: ~/encode-queue.txt
  queues:
    _default: 2
  clusters:
    home:
      nas: {}
`,
  },
  'config.clusters.CLUSTER.HOST': {
    title: 'Hosts',
    example: `config:
  clusters:
    home:
      # Anything that "ssh attic" understands; the media travels over SSH.
      attic: {}
      # Sees the media itself, under another path.
      nas:
        type: mounted
        path-substitutions:
          - /films/ /volume1/films/
        queues: { _default: 1, cuda: 2 }
        nice: yes
      # This machine takes part, too.
      here:
        type: local
`,
  },
  'config.clusters.CLUSTER.HOST.path-substitutions': { title: 'Path substitutions, by name' },
  'profiles.PROFILE': {
    title: 'Profiles',
    example: `profiles:
  # A shipped profile with an option of one's own, on hosts that have the queue.
  small:
    include: hevc
    output_options_video:
      - -crf 26
    threshold: 20
  # No extension: a fragment, to include or to mix in (encode -p small -m speech).
  speech:
    output_options_audio:
      - -c:a libopus
      - -b:a 48k
`,
  },
  'profiles.PROFILE.audio': { title: 'Audio streams of a profile' },
  'profiles.PROFILE.subtitle': {
    title: 'Subtitle streams of a profile',
    example: `profiles:
  for_us:
    include: hevc
    audio:
      include_languages: [eng, jpn]
      default_language: eng
    subtitle:
      exclude_languages: [chi]
`,
  },
  'templates.TEMPLATE': {
    title: 'Templates',
    example: `templates:
  quick:
    cli:
      video-codec: "-c:v libx264 -preset veryfast"
      audio-codec: "-c:a copy"
      subtitles: "-c:s copy"
    audio-lang: "eng *jpn"
    extension: .mkv
`,
  },
  'templates.TEMPLATE.cli': { title: 'Options of a template' },
  'rules.RULE': {
    title: 'Rules',
    example: `rules:
  small enough:
    profile: SKIP
    criteria:
      vcodec: hevc
      filesize_mb: "<2300"
  everything else:
    profile: hevc
`,
  },
  'rules.RULE.criteria': { title: 'Criteria of a rule' },
}
