/** A profile, template or mixin by its name. */

import { EncodeError } from '../core/errors.ts'
import type { Config } from '../model/config.ts'
import { resolveProfiles } from './resolve-includes.ts'
import { resolveTemplate } from './resolve-template.ts'
import type { ResolvedProfile } from './resolved-profile.ts'
import { suggestProfile } from './suggest-profile.ts'

/**
 * The profile or template of that name; a template comes before a profile of the same name, as in pytranscoder.
 * @throws EncodeError USAGE_INVALID when there is none, CONFIG_INVALID when its includes cannot be resolved.
 */
export function resolveProfile(config: Config, name: string): ResolvedProfile {
  const template = config.templates.find((candidate) => candidate.name === name)
  if (template !== undefined) return resolveTemplate(template, config.streamSafety ?? false)
  const profile = resolveProfiles(config).get(name)
  if (profile === undefined) throw unknownProfile(config, name)
  return profile
}

/**
 * The profile of that name, for its option sections.
 * @throws EncodeError USAGE_INVALID when there is none.
 */
export function resolveMixin(config: Config, name: string): ResolvedProfile {
  const profile = resolveProfiles(config).get(name)
  if (profile !== undefined) return profile
  if (config.templates.some((template) => template.name === name)) {
    throw new EncodeError('USAGE_INVALID', `"${name}" is a template and cannot be mixed in`, {
      hint: 'A mixin is a profile with output_options_audio, output_options_video or output_options_subtitle',
    })
  }
  throw unknownProfile(config, name, 'mixin')
}

export function hasProfile(config: Config, name: string): boolean {
  return config.templates.some((template) => template.name === name) || config.profiles.some((profile) => profile.name === name)
}

function unknownProfile(config: Config, name: string, word = 'profile or template'): EncodeError {
  return new EncodeError('USAGE_INVALID', `There is no ${word} "${name}"`, { hint: suggestProfile(config, name) })
}
