/** One authenticated SSH connection, directly or through others. Knows nothing of how many there are. */

import type { Duplex } from 'node:stream'
import { systemClock } from '../../core/clock.ts'
import { EncodeError } from '../../core/errors.ts'
import { untilAborted } from '../../core/until-aborted.ts'
import { describePlace, toTimeoutError } from './connect-errors.ts'
import { throughGate } from './connection-gate.ts'
import { dialCommand, dialTcp } from './dial.ts'
import { openHostKeyCheck } from './host-key-check.ts'
import { loadIdentities } from './identities.ts'
import { type ConnectOptions, DroppedError, shakeHands } from './shake-hands.ts'
import { loadSshSettings, parseJumpHop, type SshSettings } from './ssh-settings.ts'
import type { JumpConnection, SshConnection } from './standing-connection.ts'

const MAX_HOPS = 8
/** sshd drops connections at random while too many handshakes are under way. */
const DROPPED_RETRIES_MS = [200, 400, 800, 1600] as const

/** Rejects with HOST_UNREACHABLE, HOST_AUTH_FAILED, HOST_KEY_REFUSED, or the signal's reason. */
export async function openConnection(settings: SshSettings, options: ConnectOptions, signal?: AbortSignal): Promise<SshConnection> {
  return await connectThrough(settings, options, signal, 0)
}

async function connectThrough(
  settings: SshSettings,
  options: ConnectOptions,
  signal: AbortSignal | undefined,
  hops: number,
): Promise<SshConnection> {
  if (hops > MAX_HOPS) {
    throw new EncodeError('HOST_UNREACHABLE', `${describePlace(settings)} is reached through more than ${MAX_HOPS} hosts`, {
      hint: 'Look for a ProxyJump that leads back to itself',
    })
  }
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await connectOnce(settings, options, signal, hops)
    } catch (error) {
      const pauseMs = DROPPED_RETRIES_MS[attempt]
      if (!(error instanceof DroppedError) || pauseMs === undefined) throw error instanceof DroppedError ? error.expected : error
      await systemClock.sleep(pauseMs * (0.5 + Math.random()), signal)
    }
  }
}

async function connectOnce(
  settings: SshSettings,
  options: ConnectOptions,
  signal: AbortSignal | undefined,
  hops: number,
): Promise<SshConnection> {
  const [hostKeys, identities] = await Promise.all([openHostKeyCheck(settings), loadIdentities(settings, options.prompt)])
  const dialed = await dial(settings, options, signal, hops)
  try {
    return await throughGate(`${settings.hostname}:${settings.port}`, signal, async () => {
      const stream = await dialed.open()
      return await shakeHands(stream, dialed.jump, { settings, options, hostKeys, identities, signal })
    })
  } catch (error) {
    await dialed.jump?.end()
    throw error
  }
}

interface Dialed {
  readonly jump: JumpConnection | undefined
  open(): Promise<Duplex>
}

async function dial(settings: SshSettings, options: ConnectOptions, signal: AbortSignal | undefined, hops: number): Promise<Dialed> {
  const last = settings.proxyJump.at(-1)
  if (last !== undefined) {
    const own = await loadSshSettings(parseJumpHop(last), options.around, signal)
    const before = settings.proxyJump.slice(0, -1)
    // As with ssh -J: hops that are named here win over a hop's own ProxyJump.
    const hop = before.length > 0 ? { ...own, proxyJump: before, proxyCommand: undefined } : own
    const jump = (await connectThrough(hop, options, signal, hops + 1)) as JumpConnection
    return { jump, open: () => openThrough(jump, settings, signal) }
  }
  const command = settings.proxyCommand
  if (command !== undefined) return { jump: undefined, open: async () => dialCommand(command, options.around.env) }
  return { jump: undefined, open: () => dialTcp(settings, signal) }
}

/** A host in between that never answers must not be waited for longer than the one behind it. */
async function openThrough(jump: JumpConnection, settings: SshSettings, signal: AbortSignal | undefined): Promise<Duplex> {
  const patience = AbortSignal.timeout(settings.connectTimeoutMs)
  try {
    return await untilAborted(
      jump.openTcp(settings.hostname, settings.port),
      signal === undefined ? patience : AbortSignal.any([signal, patience]),
    )
  } catch (error) {
    throw patience.aborted && signal?.aborted !== true ? toTimeoutError(settings, 'connection') : error
  }
}
