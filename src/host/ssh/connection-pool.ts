/**
 * The connections to one host. A command takes a session on one that has room; when none has, another is opened.
 * sshd allows a number of sessions on a connection (MaxSessions, 10 by default) and says it only by refusing the next:
 * the number is learned then. A server that would not bear two is given one from the start (server-limits.ts).
 *
 * There are three lanes, each with connections of its own: for commands, for sources, and for results. What stands behind bytes that are on
 * their way waits for them, on a slow link for seconds: no heartbeat should, nor the word that lets more of a result come.
 */

import { EncodeError } from '../../core/errors.ts'
import { untilAborted } from '../../core/until-aborted.ts'
import type { HostListener, OnConnection } from '../host.ts'
import { closeChannel } from './command-channel.ts'
import { isSessionRefusal, type Session, type SftpChannel, type SshConnection } from './standing-connection.ts'

/** Bytes go there on `bulk`, and come from there on `back`. */
export type Lane = 'control' | 'bulk' | 'back'

export interface ConnectionPool {
  openSession(lane: Lane, commandLine: string, signal?: AbortSignal): Promise<Session>
  openSftp(lane: Lane, signal?: AbortSignal): Promise<SftpChannel>
  /** Opens a port there whose connections come over this lane; see `remote-listener.ts`. */
  listen(lane: Lane, onConnection: OnConnection, signal?: AbortSignal): Promise<HostListener>
  /** Makes sure that a connection is there. */
  connect(signal?: AbortSignal): Promise<void>
  /** Whether a connection that is there has room for one more session. */
  hasRoom(lane: Lane): boolean
  /** Begins one of this lane, where there is none; who wants it then finds it under way. */
  begin(lane: Lane): void
  /** Aborted, with HOST_LOST as reason, when the last connection broke. */
  readonly lost: AbortSignal
  end(): Promise<void>
}

interface Member {
  readonly lane: Lane
  readonly opening: Promise<SshConnection>
  /** Sessions open or being opened. */
  taken: number
  /** Sessions open. */
  confirmed: number
  limit: number
  hasServed: boolean
  readonly requests: Set<Promise<unknown>>
}

/** What takes the room of one session. */
interface Taking<T> {
  open(connection: SshConnection): Promise<T>
  close(opened: T): void
}

const MAX_SESSIONS = 10

/** @param open makes one connection; its signal is aborted when the pool ends. */
export function createConnectionPool(open: (signal: AbortSignal) => Promise<SshConnection>): ConnectionPool {
  const members = new Set<Member>()
  const lost = new AbortController()
  const ended = new AbortController()
  let sessionLimit = MAX_SESSIONS
  let lastLoss: unknown

  function addMember(lane: Lane): Member {
    const opening = open(ended.signal)
    const member: Member = { lane, opening, taken: 0, confirmed: 0, limit: sessionLimit, hasServed: false, requests: new Set() }
    members.add(member)
    opening.then(
      ({ lost: gone }) => {
        if (gone.aborted) return leave(member, gone.reason)
        gone.addEventListener('abort', () => leave(member, gone.reason), { once: true })
      },
      () => leave(member, undefined),
    )
    return member
  }

  /** @param loss undefined for a connection that never stood. */
  function leave(member: Member, loss: unknown): void {
    members.delete(member)
    lastLoss = loss ?? lastLoss
    if (members.size === 0 && lastLoss !== undefined && !ended.signal.aborted) lost.abort(lastLoss)
  }

  function takeRoom(lane: Lane): Member {
    const member = [...members].find((one) => one.lane === lane && one.taken < one.limit) ?? addMember(lane)
    member.taken += 1
    return member
  }

  /** Undefined when the connection has no room after all. */
  async function tryMember<T extends Pick<Session | SftpChannel, 'exit'>>(
    member: Member,
    { open, close }: Taking<T>,
    signal: AbortSignal | undefined,
  ): Promise<T | undefined> {
    const connection = await untilAborted(member.opening, signal).catch((error: unknown) => {
      member.taken -= 1
      throw error
    })
    if (!hasRoom(member, connection)) return undefined
    const request = open(connection).then((opened) => countSession(member, opened))
    member.requests.add(request)
    const answered = request.finally(() => member.requests.delete(request))
    let session: T
    try {
      session = await untilAborted(answered, signal)
    } catch (error) {
      if (signal?.aborted === true) {
        // Its room is taken until the server has answered.
        answered.then(close, () => {
          member.taken -= 1
        })
        throw signal.reason
      }
      member.taken -= 1
      if (!isSessionRefusal(error)) throw error
      await learnLimit(member, error)
      return undefined
    }
    if (signal?.aborted === true) close(session)
    signal?.throwIfAborted()
    return session
  }

  /** Those that counted on more room than there is go on to the next connection, before the server hears of them. */
  function hasRoom(member: Member, { mostSessions }: SshConnection): boolean {
    if (mostSessions === undefined) return true
    member.limit = Math.min(member.limit, mostSessions)
    sessionLimit = Math.min(sessionLimit, mostSessions)
    if (member.taken <= member.limit) return true
    member.taken -= 1
    return false
  }

  async function learnLimit(member: Member, refusal: unknown): Promise<void> {
    // Those asked for at the same time: only when all are answered it is known how many there are room for.
    await Promise.allSettled(member.requests)
    if (!member.hasServed) throw refusesSessions(refusal)
    // sshd counts a session until its process has ended, which may be after its channel: none may be confirmed here.
    member.limit = Math.min(member.limit, member.confirmed)
    if (member.confirmed > 0) sessionLimit = Math.min(sessionLimit, member.confirmed)
  }

  async function take<T extends Pick<Session | SftpChannel, 'exit'>>(lane: Lane, taking: Taking<T>, signal?: AbortSignal): Promise<T> {
    for (;;) {
      signal?.throwIfAborted()
      if (ended.signal.aborted) throw ended.signal.reason
      lost.signal.throwIfAborted()
      const session = await tryMember(takeRoom(lane), taking, signal)
      if (session !== undefined) return session
    }
  }

  return {
    lost: lost.signal,
    async connect(signal) {
      const member = [...members].find((one) => one.lane === 'control') ?? addMember('control')
      await untilAborted(member.opening, signal)
    },
    hasRoom: (lane) => [...members].some((one) => one.lane === lane && one.taken < one.limit),
    begin(lane) {
      if (ended.signal.aborted || lost.signal.aborted) return
      if (![...members].some((one) => one.lane === lane)) addMember(lane)
    },
    async openSession(lane, commandLine, signal) {
      const open = (connection: SshConnection): Promise<Session> => connection.openSession(commandLine)
      return await take(lane, { open, close: ({ channel }) => closeChannel(channel) }, signal)
    },
    async openSftp(lane, signal) {
      return await take(lane, { open: (connection) => connection.openSftp(), close: ({ sftp }) => sftp.end() }, signal)
    },
    async listen(lane, onConnection, signal) {
      if (ended.signal.aborted) throw ended.signal.reason
      const member = [...members].find((one) => one.lane === lane) ?? addMember(lane)
      const connection = await untilAborted(member.opening, signal)
      const listening = connection.listen(onConnection)
      return await untilAborted(listening, signal).catch((error: unknown) => {
        void listening.then((listener) => listener.close()).catch(() => undefined)
        throw error
      })
    },
    async end() {
      ended.abort(new EncodeError('HOST_LOST', 'The connection was ended'))
      await Promise.all(
        [...members].map((member) =>
          member.opening.then(
            (connection) => connection.end(),
            () => undefined,
          ),
        ),
      )
    },
  }
}

function countSession<T extends Pick<Session | SftpChannel, 'exit'>>(member: Member, session: T): T {
  member.confirmed += 1
  member.hasServed = true
  const release = (): void => {
    member.taken -= 1
    member.confirmed -= 1
    // Room for one more try: the process that still held its session may be gone now.
    member.limit = Math.max(member.limit, 1)
  }
  session.exit.then(release, release)
  return session
}

function refusesSessions(cause: unknown): EncodeError {
  return new EncodeError('HOST_UNREACHABLE', 'The SSH server lets this user in but runs no command for it', {
    hint: 'Allow sessions in its sshd_config (MaxSessions above 0)',
    cause,
  })
}
