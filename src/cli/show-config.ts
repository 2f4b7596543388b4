import type { Arguments } from './parse-arguments.ts'
export async function showConfig(_args: Arguments, _explicit: string | undefined): Promise<number> {
  return 0
}
