/** A file over a bare TCP connection, with no cipher and no acknowledgement but TCP's: what a link carries, whatever moves the bytes. */

import { spawn } from 'node:child_process'
import { createReadStream, createWriteStream } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { pipeline } from 'node:stream/promises'

export interface PlainTcp extends AsyncDisposable {
  up(path: string): Promise<void>
  down(path: string): Promise<void>
}

/** The end on the host: one connection a file, `u` to be sent one, `d` to send it back. */
const SERVER = `
const net = require('node:net'), fs = require('node:fs'), { pipeline } = require('node:stream')
const server = net.createServer({ allowHalfOpen: true }, (socket) => socket.once('readable', () => {
  const isUp = socket.read(1).toString() === 'u'
  if (isUp) pipeline(socket, fs.createWriteStream(process.argv[1]), () => socket.end())
  else pipeline(fs.createReadStream(process.argv[1], { highWaterMark: 1 << 20 }), socket, () => {})
})).listen(0, process.argv[2], () => console.log(server.address().port))
process.stdin.resume().on('end', () => process.exit())
`

export interface Place {
  readonly address: string
  readonly port: number
}

/**
 * @param ssh the command that runs the words after it on the host, which has the same Node at the same place
 * @param reach how its port is reached from here, where that is not where it is
 */
export async function openPlainTcp(
  ssh: readonly string[],
  address: string,
  hostPath: string,
  reach = async (place: Place): Promise<Place> => place,
): Promise<PlainTcp> {
  const quoted = [process.execPath, '-e', SERVER, hostPath, address].map((word) => `'${word.replaceAll("'", "'\\''")}'`)
  const [program = '', ...argv] = [...ssh, quoted.join(' ')]
  const server = spawn(program, argv, { stdio: ['pipe', 'pipe', 'inherit'] })
  const listensOn = await new Promise<number>((resolve, reject) => {
    server.stdout.once('data', (line: Buffer) => resolve(Number(line)))
    server.once('close', () => reject(new Error('The other end of the bare connection did not start')))
  })
  const place = await reach({ address, port: listensOn })
  const open = async (way: 'u' | 'd'): Promise<Socket> => {
    const socket = connect({ host: place.address, port: place.port, allowHalfOpen: true })
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))
    socket.write(way)
    return socket
  }
  return {
    async up(path) {
      const socket = await open('u')
      const arrived = new Promise((resolve) => socket.resume().once('end', resolve))
      await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), socket, { end: true })
      await arrived
    },
    async down(path) {
      const socket = await open('d')
      socket.end()
      await pipeline(socket, createWriteStream(path))
    },
    async [Symbol.asyncDispose]() {
      const ended = new Promise((resolve) => server.once('close', resolve))
      server.stdin.end()
      await ended
    },
  }
}
