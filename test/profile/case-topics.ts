/**
 * What a case of test/cases/profiles is about, told from its configuration, media and expectations, not from its name: so that nobody
 * can claim a topic that a case does not touch.
 */

export interface TopicCase {
  readonly media?: string
  readonly choice?: { readonly profile?: string | undefined; readonly template?: string | undefined; readonly mixins?: readonly string[] }
  readonly expect: Readonly<Record<string, unknown>>
}

type Written = Readonly<Record<string, unknown>>

/** The configuration as YAML gives it. */
export interface TopicConfiguration {
  readonly config?: Written
  readonly profiles?: Readonly<Record<string, Written | null>>
  readonly templates?: Readonly<Record<string, Written>>
  readonly rules?: Readonly<Record<string, { readonly profile: string; readonly criteria?: Readonly<Record<string, string>> }>>
}

/** Every topic has to be touched by two cases. */
export const TOPICS = [
  ...['include: one parent', 'include: several parents', 'include: several generations'],
  ...['options: list', 'options: string', "options: the child's value wins over its parent's"],
  ...['mixin: audio', 'mixin: video', 'mixin: subtitle', 'mixin: several at once'],
  ...['audio: include', 'audio: exclude', 'audio: default', 'audio: default flag moved'],
  ...['subtitle: include', 'subtitle: exclude', 'subtitle: default', 'subtitle: default flag moved'],
  ...['automap: on', 'automap: on for all', 'automap: on in the profile', 'automap: off for all', 'automap: off in the profile'],
  ...['template: audio-lang', 'template: subtitle-lang', 'template: star'],
  ...['rule: <', 'rule: >', 'rule: <=', 'rule: >=', 'rule: a-b', 'rule: number', 'rule: ! number', 'rule: codec', 'rule: ! codec'],
  ...['rule: path', 'rule: no criteria', 'rule: SKIP', 'rule: none matches'],
  ...['threshold', 'threshold_check', 'fls_path', 'result name'],
  ...['media: no audio', 'media: ten audio tracks', 'media: attachments', 'media: data streams', 'media: cover art'],
  ...['media: several video streams', 'media: no language tags', 'media: variable frame rate', 'media: odd size', 'media: turned'],
] as const

export type Topic = (typeof TOPICS)[number]

export function findTopics(configuration: TopicConfiguration, streams: readonly string[], one: TopicCase): ReadonlySet<Topic> {
  const { config = {}, profiles = {}, templates = {}, rules = {} } = configuration
  const topics = new Set<Topic>(mediaTopics(streams))
  const add = (topic: Topic, isTouched: unknown) => isTouched && topics.add(topic)
  const output = typeof one.expect.output === 'string' ? one.expect.output : ''
  const ruleName = String(one.expect.rule ?? one.expect.skip ?? '')
  const rule = rules[ruleName]
  const name = one.choice?.template ?? one.choice?.profile ?? rule?.profile ?? ''
  const template = templates[name]
  const profile = template === undefined ? (profiles[name] ?? {}) : {}
  const isMapped = output.includes('-map')

  if (template === undefined && output !== '') {
    const family = ancestors(name, profiles)
    add('include: one parent', parentsOf(profile).length === 1)
    add('include: several parents', parentsOf(profile).length > 1)
    add(
      'include: several generations',
      parentsOf(profile).some((parent) => parentsOf(profiles[parent] ?? {}).length > 0),
    )
    add('options: list', optionsOf(profile).some(Array.isArray))
    add(
      'options: string',
      [profile, ...family].flatMap(optionsOf).some((options) => typeof options === 'string'),
    )
    add(
      "options: the child's value wins over its parent's",
      family.some((parent) => sharesOption(profile, parent)),
    )
    for (const kind of ['audio', 'subtitle'] as const) {
      const [languages] = [profile, ...family].map((each) => each[kind] as Written | undefined).filter((each) => each !== undefined)
      add(`${kind}: include`, isMapped && languages?.include_languages)
      add(`${kind}: exclude`, isMapped && languages?.exclude_languages)
      add(`${kind}: default`, isMapped && languages?.default_language)
    }
    const automap = [profile, ...family].map((each) => each.automap).find((each) => each !== undefined)
    add('automap: off in the profile', isNo(automap) && !isMapped)
    add('automap: on in the profile', automap !== undefined && !isNo(automap))
  }
  add('audio: default flag moved', output.includes('-disposition:a'))
  add('subtitle: default flag moved', output.includes('-disposition:s'))
  add('automap: on', isMapped)
  add('automap: on for all', isMapped && config.automap !== undefined)
  add('automap: off for all', isNo(config.automap))
  add('template: audio-lang', template?.['audio-lang'])
  add('template: subtitle-lang', template?.['subtitle-lang'])
  add('template: star', String(template?.['audio-lang']).includes('*') || String(template?.['subtitle-lang']).includes('*'))
  const mixins = (one.choice?.mixins ?? []).map((mixin) => profiles[mixin] ?? {})
  for (const kind of ['audio', 'video', 'subtitle'] as const)
    add(
      `mixin: ${kind}`,
      mixins.some((mixin) => mixin[`output_options_${kind}`]),
    )
  add('mixin: several at once', mixins.length > 1)
  for (const topic of ruleTopics(rule?.criteria)) topics.add(topic)
  add('rule: no criteria', rule !== undefined && rule.criteria === undefined)
  add('rule: SKIP', one.expect.skip)
  add('rule: none matches', one.expect.unmatched)
  add('threshold', one.expect.threshold)
  add('threshold_check', one.expect.thresholdCheck)
  add('fls_path', config.fls_path !== undefined && one.expect.result !== undefined)
  add('result name', one.expect.result)
  return topics
}

function mediaTopics(streams: readonly string[]): readonly Topic[] {
  const marks = streams.map((stream) => stream.split(' '))
  const ofKind = (kind: string) => marks.filter(([first]) => first === kind)
  const films = ofKind('video').filter((words) => !words.includes('picture'))
  const sizes = films.flatMap((words) => words.filter((word) => /^\d+x\d+$/.test(word)))
  const found: readonly (readonly [Topic, boolean])[] = [
    ['media: no audio', ofKind('audio').length === 0],
    ['media: ten audio tracks', ofKind('audio').length >= 10],
    ['media: attachments', ofKind('attachment').length > 0],
    ['media: data streams', ofKind('data').length > 0],
    ['media: cover art', ofKind('video').length > films.length],
    ['media: several video streams', films.length > 1],
    ['media: no language tags', ofKind('audio').some((words) => !words.some((word) => /^[a-z]{3}$/.test(word) && word !== words[1]))],
    ['media: variable frame rate', films.some((words) => words.includes('variable'))],
    ['media: odd size', sizes.some((size) => size.split('x').some((side) => Number(side) % 2 === 1))],
    ['media: turned', films.some((words) => words.some((word) => word.startsWith('turned:')))],
  ]
  return found.filter(([, isTouched]) => isTouched).map(([topic]) => topic)
}

function ruleTopics(criteria: Readonly<Record<string, string>> = {}): readonly Topic[] {
  return Object.entries(criteria).flatMap(([criterion, value]): readonly Topic[] => {
    const isNegated = value.startsWith('!')
    if (criterion === 'path') return ['rule: path']
    if (criterion === 'vcodec') return [isNegated ? 'rule: ! codec' : 'rule: codec']
    const number = value.replace('!', '')
    const [operator] = /^[<>]=?/.exec(number) ?? []
    const form = (operator === undefined ? (number.includes('-') ? 'a-b' : 'number') : operator) as
      | '<'
      | '>'
      | '<='
      | '>='
      | 'a-b'
      | 'number'
    return [`rule: ${form}`, ...(isNegated ? (['rule: ! number'] as const) : [])]
  })
}

function parentsOf(profile: Written | null): readonly string[] {
  return typeof profile?.include === 'string' ? profile.include.split(' ') : []
}

function ancestors(name: string, profiles: Readonly<Record<string, Written | null>>): readonly Written[] {
  return parentsOf(profiles[name] ?? {}).flatMap((parent) => [profiles[parent] ?? {}, ...ancestors(parent, profiles)])
}

const SECTIONS = ['input_options', 'output_options', 'output_options_audio', 'output_options_video', 'output_options_subtitle'] as const

function optionsOf(profile: Written): readonly unknown[] {
  return SECTIONS.map((section) => profile[section]).filter((options) => options !== undefined && options !== null)
}

function sharesOption(child: Written, parent: Written): boolean {
  return SECTIONS.some((section) => {
    const names = (profile: Written) => [profile[section] ?? []].flat().map((entry) => String(entry).trim().split(/\s+/)[0])
    return names(child).some((name) => names(parent).includes(name))
  })
}

/** YAML 1.2 leaves `no` a text. */
function isNo(value: unknown): boolean {
  return value === 'no' || value === false
}
