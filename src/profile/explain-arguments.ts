/** The ffmpeg arguments of one file, piece by piece, with who contributed each. */

import type { EncodeArguments } from '../model/plan.ts'
import { findSpeaker } from './find-speaker.ts'
import type { OptionPiece, ValueOrigin } from './options.ts'
import { type ResolvedProfile, SECTIONS } from './resolved-profile.ts'

/** Together, in order, they are the arguments. */
export interface ArgumentPiece {
  readonly place: 'input' | 'output'
  readonly arguments: readonly string[]
  /** Undefined: made for the streams of this very file. */
  readonly origin: ValueOrigin | undefined
}

/** @param args what the profile with these mixins makes of the file. */
export function explainArguments(
  profile: ResolvedProfile,
  mixins: readonly ResolvedProfile[],
  args: EncodeArguments,
): readonly ArgumentPiece[] {
  const written = [
    ...profile.origins.output,
    ...SECTIONS.flatMap((section) => findSpeaker(section, profile, mixins)?.origins.sections[section] ?? []),
  ]
  return [
    ...assign(profile.origins.input, args.input).map((piece) => ({ place: 'input' as const, ...piece })),
    ...assign(written, args.output).map((piece) => ({ place: 'output' as const, ...piece })),
  ]
}

/** Finds the pieces in the arguments, in order. What lies between them was written by nobody, and of a piece that is not there nothing is told. */
function assign(pieces: readonly OptionPiece[], args: readonly string[]): readonly Omit<ArgumentPiece, 'place'>[] {
  const found: Omit<ArgumentPiece, 'place'>[] = []
  let from = 0
  const skipTo = (end: number): void => {
    for (const words of toOptions(args.slice(from, end))) found.push({ arguments: words, origin: undefined })
  }
  for (const piece of pieces) {
    const at = indexOfWords(args, piece.arguments, from)
    if (at === -1) continue
    skipTo(at)
    found.push(piece)
    from = at + piece.arguments.length
  }
  skipTo(args.length)
  return found
}

function indexOfWords(args: readonly string[], words: readonly string[], from: number): number {
  for (let at = from; at + words.length <= args.length; at += 1) {
    if (words.every((word, index) => args[at + index] === word)) return at
  }
  return -1
}

/** `-map 0:0 -map 0:1` → one piece an option with its values. */
function toOptions(args: readonly string[]): readonly (readonly string[])[] {
  const options: string[][] = []
  for (const word of args) {
    const current = options.at(-1)
    if (current === undefined || /^-[a-z]/i.test(word)) options.push([word])
    else current.push(word)
  }
  return options
}
