/** Colours or none: only a terminal gets them, and only who has not said no. */

import { Chalk, type ChalkInstance, supportsColor } from 'chalk'
import type { Arguments } from './parse-arguments.ts'

/** @param colorize the configuration's word on it. */
export function chooseChalk(args: Pick<Arguments, 'hasColor'>, colorize: boolean | undefined): ChalkInstance {
  return new Chalk({ level: wantsColor(args, colorize) ? (supportsColor ? supportsColor.level : 1) : 0 })
}

function wantsColor({ hasColor }: Pick<Arguments, 'hasColor'>, colorize: boolean | undefined): boolean {
  if (!hasColor || colorize === false || (process.env.NO_COLOR ?? '') !== '') return false
  return process.stdout.isTTY === true && process.env.TERM !== 'dumb'
}
