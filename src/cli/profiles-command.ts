import type { Arguments } from './parse-arguments.ts'
export async function profilesCommand(_args: Arguments): Promise<number> {
  return 0
}
