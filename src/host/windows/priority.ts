/** `nice` values of POSIX → the priority classes of Windows. */

export type Priority = 'normal' | 'belownormal' | 'low'

export function toPriority(nice: number): Priority {
  return nice >= 10 ? 'low' : nice > 0 ? 'belownormal' : 'normal'
}
