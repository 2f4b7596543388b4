/**
 * How long the command lines are that a POSIX host is sent. Dropbear hangs up on one of more than 9000 bytes (`MAX_CMD_LEN`, 2016.74 and later;
 * 0.52 of 2008 took 1024, of which a leash alone needs twice as many). OpenSSH takes 256 KiB. What is left below that is for what nobody here
 * decides: long paths, and the `env` of a host.
 */

import { expect, test } from 'vitest'
import { factsCommand } from '../../../src/host/facts/facts-script.ts'
import { adoptArguments } from '../../../src/host/shell/adopt-file.ts'
import { receiveCommand, receiveDirectly, sendCommand, sendDirectly, sendOnDemand } from '../../../src/host/shell/bulk-shell.ts'
import { fileTellerCommand } from '../../../src/host/shell/file-teller-script.ts'
import { guardCommand } from '../../../src/host/shell/guard-script.ts'
import { killCommand, leashCommand } from '../../../src/host/shell/leash.ts'
import { toWindowsProgram } from '../../../src/host/shell/windows-program.ts'

const MAX_BYTES = 8000

const TAG = `encode-${'0123456789ab'.repeat(2)}`
const WORK = '/volume1/homes/anna/.cache/encode/encode-2026-11-22-183015-4f2c'
const SOURCE = `${WORK}/Das Mädchen & der König's "Größe" (1968) - S01E12 - Überraschung!.mkv`
const RESULT = `${WORK}/.Das Mädchen & der König's "Größe" (1968) - S01E12 - Überraschung!.encode-4f2c.mkv`
const FFMPEG = '/volume1/@appstore/ffmpeg6/bin/ffmpeg'
const FFMPEG_FILE = `1234567890 -rwxr-xr-x    1 administrators  administrators   123456789 Nov 22 18:30 ${FFMPEG}`
const ENV = {
  LD_LIBRARY_PATH: '/volume1/@appstore/ffmpeg6/lib:/opt/lib:/usr/local/lib',
  LIBVA_DRIVER_NAME: 'iHD',
  AV_LOG_FORCE_NOCOLOR: '1',
}
const FILTER = 'scale=w=min(iw\\,1920):h=-2:flags=lanczos,format=yuv420p10le,hqdn3d=2:1:2:3'
const X265 = 'rc-lookahead=48:bframes=8:ref=5:aq-mode=3:psy-rd=2:rdoq-level=2:hdr10-opt=1:master-display=G(13250,34500)B(7500,3000)'
const ENCODE = [
  ...[FFMPEG, '-nostdin', '-hide_banner', '-y', '-progress', 'pipe:1', '-i', SOURCE, '-map', '0', '-vf', FILTER, '-c:v', 'libx265'],
  ...['-preset', 'slow', '-crf', '20', '-x265-params', X265, '-c:a', 'libopus', '-b:a', '128k', '-c:s', 'copy', RESULT],
]
const FACTS = factsCommand(
  { ffmpeg: FFMPEG, ffprobe: `${FFMPEG}/../ffprobe`, workingDir: WORK },
  { changesNothing: true, knownFile: FFMPEG_FILE },
)

test.each([
  ['asks what a host is', `: ; ${onLeash(FACTS)}`],
  ['encodes', onLeash(ENCODE)],
  ['encodes with an ffmpeg of Windows', onWindowsProgram()],
  ['encodes a name with a line end', onLeash([...ENCODE, `${RESULT}\n`])],
  ['takes a file over', onLeash(adoptArguments({ mark: TAG, from: SOURCE, to: RESULT }))],
  ['guards files', guardCommand({ tag: TAG, heartbeatSeconds: 30, waitSeconds: 3 })],
  ['tells of files', fileTellerCommand({ tag: TAG, heartbeatSeconds: 30 })],
  ['kills what a leash left', killCommand(TAG, { pid: 4194303, wrapper: 4194302, mode: 'setsid' })],
  ['takes a file', receiveCommand(TAG, SOURCE, 1e12)],
  ['gives a file', sendCommand(TAG, SOURCE, 1e12).commandLine],
  ['gives a file piece by piece', sendOnDemand(TAG, SOURCE, 1e12)],
  ['takes the rest of a file', receiveDirectly(TAG, SOURCE).commandLine],
  ['gives the rest of a file', sendDirectly(TAG, SOURCE).commandLine],
  ['ends a transfer', sendDirectly(TAG, SOURCE).endCommandLine],
])('the command line that %s is one that Dropbear takes, with room to spare', (_what, commandLine) => {
  expect(Buffer.byteLength(commandLine)).toBeLessThanOrEqual(MAX_BYTES)
})

/** As a host with an environment of its own runs it, with all that a leash can be asked for. */
function onLeash(argv: readonly string[], env: Readonly<Record<string, string>> = ENV): string {
  return leashCommand({ argv, tag: TAG, heartbeatSeconds: 30, graceTenths: 15, env, nice: 10, keepsAwake: true, waits: true })
}

function onWindowsProgram(): string {
  const { argv, env } = toWindowsProgram('wslpath', ENCODE, ENV)
  return onLeash(argv, env)
}
