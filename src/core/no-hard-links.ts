/** Hard links are the one way to give a file a name that nobody else has taken meanwhile, and not every filesystem has them. */

import { codeOf } from './errors.ts'

/** What filesystems say of a call that they do not have (FAT, SMB, some of FUSE). */
export const UNSUPPORTED: ReadonlySet<string | undefined> = new Set(['ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'])

/**
 * What those without hard links say (exFAT, SMB, some of FUSE: mergerfs says EXDEV), and what forbids links alone (AppArmor: EACCES).
 * EISDIR is Node's word for what Windows answers there ("incorrect function").
 */
const LINKLESS: ReadonlySet<string | undefined> = new Set([...UNSUPPORTED, 'EPERM', 'EACCES', 'EMLINK', 'EXDEV', 'EINVAL', 'EISDIR'])

/** Whether a link could not be made for want of links, rather than because of this file or this name. */
export function isLinkless(error: unknown): boolean {
  return LINKLESS.has(codeOf(error))
}
