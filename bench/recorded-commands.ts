/**
 * Commands that are run once for real and played back from then on: ten thousand films that are all the same need one ffmpeg and one
 * ffprobe of each kind, and what is measured is the controller. Whatever the program asks of them, it gets a true answer.
 */

import { execFile } from 'node:child_process'
import { copyFile } from 'node:fs/promises'
import { extname, join } from 'node:path'

export interface RecordedCommand {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

export interface Recorder {
  /** @param argv commands that differ in nothing but the names of files in the folder are one. */
  run(argv: readonly string[]): Promise<RecordedCommand>
  /** The same, for a command that makes the file it names last. */
  encode(argv: readonly string[]): Promise<RecordedCommand>
}

export function createRecorder(folder: string): Recorder {
  const commands = new Map<string, Promise<RecordedCommand>>()
  const results = new Map<string, string>()

  async function once(key: string, record: () => Promise<RecordedCommand>): Promise<RecordedCommand> {
    const recorded = commands.get(key) ?? record()
    commands.set(key, recorded)
    return await recorded
  }

  function toKey(argv: readonly string[]): string {
    // Source and result differ in their names: the result's begins with a dot.
    return JSON.stringify(argv.map((word) => (word.includes(folder) ? `${word.includes('/.encode-')}${extname(word)}` : word)))
  }

  return {
    run: async (argv) => await once(toKey(argv), () => execute(argv)),
    async encode(argv) {
      const key = toKey(argv)
      const result = argv.at(-1) ?? ''
      const recorded = await once(key, async () => {
        const command = await execute(argv)
        const kept = join(folder, `recorded-${results.size}`)
        if (command.status === 0) await copyFile(result, kept)
        results.set(key, kept)
        return command
      })
      if (recorded.status === 0) await copyFile(results.get(key) ?? '', result)
      return recorded
    },
  }
}

async function execute([program = '', ...argv]: readonly string[]): Promise<RecordedCommand> {
  return await new Promise((resolve) => {
    execFile(program, argv, { maxBuffer: 64_000_000 }, (error, stdout, stderr) => {
      const status = error === null ? 0 : typeof error.code === 'number' ? error.code : 1
      resolve({ status, stdout, stderr })
    })
  })
}
