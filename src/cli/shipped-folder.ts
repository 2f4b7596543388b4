/** Where the profiles that come with the program stand. */

import { fileURLToPath } from 'node:url'

export const SHIPPED_FOLDER = fileURLToPath(new URL('../../profiles', import.meta.url))
