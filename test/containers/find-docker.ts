/** Whether a Docker answers here. Where none does, the tests on containers are skipped, and that is said aloud. */

import { getContainerRuntimeClient } from 'testcontainers'

export const hasDocker: boolean = await findDocker()

async function findDocker(): Promise<boolean> {
  try {
    await getContainerRuntimeClient()
    return true
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    console.warn(`SKIPPED: no Docker answers here (${reason}), so nothing was tried on containers. "npm test" as root starts one.`)
    return false
  }
}
