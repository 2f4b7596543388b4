import { execFile, spawn } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { waitUntil } from '../wait-until.ts'
import { canStartHosts, type SshdHost, startSshdHost } from './sshd-host.ts'

const run = promisify(execFile)

async function ssh(host: SshdHost, command: string): Promise<string> {
  const options = ['IdentitiesOnly=yes', 'IdentityAgent=none', `UserKnownHostsFile=${host.knownHostsFile}`, 'StrictHostKeyChecking=yes']
  const flags = options.flatMap((option) => ['-o', option])
  const args = ['-F', 'none', '-T', '-p', String(host.port), '-i', host.identityFile, ...flags, `${host.user}@${host.address}`, command]
  return (await run('ssh', args)).stdout.trim()
}

describe.skipIf(!canStartHosts)('a test host', () => {
  test('answers with the login shell, the path and the files it was given', async () => {
    const media = await mkdtemp(join(tmpdir(), 'encode-media-'))
    await writeFile(join(media, 'film'), 'bytes')
    const seenAt = join(tmpdir(), `encode-seen-${process.pid}`)
    await using host = await startSshdHost({
      name: 'a',
      loginShell: '/usr/bin/fish',
      bind: [{ from: media, to: seenAt }],
      hide: [media],
      path: '/nowhere:/usr/bin:/bin',
    })
    expect(await ssh(host, `echo $version > /dev/null; cat ${seenAt}/film; ls ${media}; echo; echo "$PATH"; status fish-path`)).toMatch(
      /^bytes\n\/nowhere:\/usr\/bin:\/bin\n.*fish$/,
    )
    await ssh(host, `echo made > ${host.workingFolder}/made`)
    expect(await readFile(join(host.workingFolder, 'made'), 'utf8')).toBe('made\n')
    await host.stop()
    expect((await readdir(tmpdir())).filter((name) => name === `encode-seen-${process.pid}`)).toEqual([])
    await rm(media, { recursive: true })
  })

  test('keeps its own folder when the folder above it is hidden', async () => {
    const hidden = join(tmpdir(), `encode-hidden-${process.pid}`)
    await mkdir(hidden)
    await writeFile(join(hidden, 'secret'), '')
    await using host = await startSshdHost({ name: 'b', hide: [tmpdir()] })
    expect(await ssh(host, `ls ${tmpdir()}`)).toBe(host.workingFolder.split('/').at(-2))
    await rm(hidden, { recursive: true })
  })

  test('lists what runs on it, reaps orphans, and takes all of it along when it dies', async () => {
    await using host = await startSshdHost({ name: 'c' })
    await ssh(host, 'setsid sleep 987 >/dev/null 2>&1 </dev/null & setsid sh -c "sleep 0.01 &" >/dev/null 2>&1')
    await waitUntil(async () => (await host.processes()).map(({ args }) => args).join() === 'sleep 987', { what: 'only the sleep is left' })
    const [left] = await host.processes()
    await host.kill()
    expect(await host.processes()).toEqual([])
    expect(() => process.kill(left?.pid ?? 0, 0)).toThrow('ESRCH')
  })

  test('is not taken, once it is dead, for another one that was started since', async () => {
    await using dead = await startSshdHost({ name: 'dead' })
    await dead.kill()
    await using heirs = new AsyncDisposableStack()
    const others = await Promise.all(['f', 'g'].map(async (name) => heirs.use(await startSshdHost({ name }))))
    const asked = others.map((other) => ssh(other, 'echo there; sleep 60').catch(() => ''))
    await waitUntil(async () => (await Promise.all(others.map((other) => other.processes()))).every((list) => list.length > 0), {
      what: 'both are used',
    })
    expect(await dead.processes()).toEqual([])
    await heirs.disposeAsync()
    await Promise.all(asked)
  })

  test('ends with the process that started it, even when that is killed', async () => {
    const script = `
      const { startSshdHost } = await import(${JSON.stringify(new URL('./sshd-host.ts', import.meta.url).href)})
      const host = await startSshdHost({ name: 'd' })
      console.log(JSON.stringify({ port: host.port, folder: host.workingFolder }))
      setInterval(() => {}, 1000)`
    const starter = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
    const { port, folder } = JSON.parse(String(await new Promise((resolve) => starter.stdout.once('data', resolve))))
    const listening = async (): Promise<boolean> => (await run('ss', ['-Htln', `sport = :${port}`])).stdout !== ''
    expect(await listening()).toBe(true)
    starter.kill('SIGKILL')
    await waitUntil(async () => !(await listening()), { what: 'the port is closed' })
    await rm(join(folder, '..'), { recursive: true })
  })

  test('says why sshd did not start', async () => {
    await expect(startSshdHost({ name: 'e', sshdOptions: ['NoSuchOption yes'] })).rejects.toThrow('Bad configuration option: NoSuchOption')
  })
})
