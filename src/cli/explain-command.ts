import type { Arguments } from './parse-arguments.ts'
export async function explainCommand(_args: Arguments): Promise<number> {
  return 0
}
