import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { findConfigFile } from '../../src/config/find-config-file.ts'
import { loadConfig } from '../../src/config/load-config.ts'
import type { EncodeError } from '../../src/core/errors.ts'

let folder: string
let shippedFolder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'encode-config-'))
  shippedFolder = join(folder, 'profiles')
  await mkdir(shippedFolder)
})

afterEach(async () => {
  await rm(folder, { recursive: true })
})

describe('loadConfig', () => {
  it('reads all shipped files in the order of their names, and nothing else', async () => {
    await write('profiles/b.yml', 'profiles: {hevc: {extension: .mkv}}')
    await write('profiles/a.yml', 'profiles: {h264: {extension: .mp4}}')
    await write('profiles/README.md', '# no YAML: {')
    const config = await loadConfig({ file: undefined, shippedFolder })
    expect(config.file).toBeUndefined()
    expect(config.profiles.map(({ name }) => name)).toEqual(['h264', 'hevc'])
  })

  it("lays the person's file over them", async () => {
    await write('profiles/a.yml', 'profiles: {h264: {extension: .mp4}}')
    const file = await write('config.yml', 'profiles: {h264: {extension: .avi}}\nconfig: {fls_path: ~/work}')
    const config = await loadConfig({ file, shippedFolder, homeFolder: '/home/anna' })
    expect(config).toMatchObject({ file, flsPath: '/home/anna/work', profiles: [{ name: 'h264', extension: '.avi', isShipped: false }] })
  })

  it('names a file that is missing', async () => {
    const file = join(folder, 'gone.yml')
    const error = await refusal(loadConfig({ file, shippedFolder }))
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', message: `Configuration file "${file}" does not exist` })
  })

  it('names a folder that is given for a file', async () => {
    const error = await refusal(loadConfig({ file: folder, shippedFolder }))
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', message: `Configuration file "${folder}" is a folder` })
  })

  it('names a file that is no text', async () => {
    const file = join(folder, 'config.yml')
    await writeFile(file, Buffer.from([0x63, 0xff, 0xfe]))
    const error = await refusal(loadConfig({ file, shippedFolder }))
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', message: `Configuration file "${file}" is not UTF-8 text` })
  })

  it('names the folder of shipped profiles when that is missing', async () => {
    const error = await refusal(loadConfig({ file: undefined, shippedFolder: join(folder, 'none') }))
    expect(error.message).toContain(join(folder, 'none'))
  })

  it('tells mistakes with the path that was given', async () => {
    const file = await write('config.yml', 'confg: 1')
    expect((await refusal(loadConfig({ file, shippedFolder }))).message).toMatch(`${file}:1:1: Unknown key "confg"`)
  })
})

describe('findConfigFile', () => {
  it('takes -y, then $ENCODE_CONFIG, then the XDG place, then ~/.transcode.yml', async () => {
    const explicit = await write('explicit.yml', '')
    const named = await write('named.yml', '')
    const xdg = await write('xdg/encode/config.yml', '')
    const standard = await write('home/.config/encode/config.yml', '')
    const old = await write('home/.transcode.yml', '')
    const homeFolder = join(folder, 'home')
    const env = { ENCODE_CONFIG: named, XDG_CONFIG_HOME: join(folder, 'xdg') }
    expect(await findConfigFile({ explicit, env, homeFolder })).toBe(explicit)
    expect(await findConfigFile({ explicit: undefined, env, homeFolder })).toBe(named)
    expect(await findConfigFile({ explicit: undefined, env: { ...env, ENCODE_CONFIG: '' }, homeFolder })).toBe(xdg)
    expect(await findConfigFile({ explicit: undefined, env: {}, homeFolder })).toBe(standard)
    expect(await findConfigFile({ explicit: undefined, env: { XDG_CONFIG_HOME: 'relative' }, homeFolder })).toBe(standard)
    expect(await findConfigFile({ explicit: undefined, env: { XDG_CONFIG_HOME: join(folder, 'empty') }, homeFolder })).toBe(old)
  })

  it('takes the one in %APPDATA% on Windows', async () => {
    const roaming = await write('roaming/encode/config.yml', '')
    const usual = await write('home/AppData/Roaming/encode/config.yml', '')
    const around = { explicit: undefined, homeFolder: join(folder, 'home'), platform: 'win32' } as const
    expect(await findConfigFile({ ...around, env: { APPDATA: join(folder, 'roaming') } })).toBe(roaming)
    expect(await findConfigFile({ ...around, env: {} })).toBe(usual)
  })

  it('finds none where there is none', async () => {
    expect(await findConfigFile({ explicit: undefined, env: {}, homeFolder: join(folder, 'nobody') })).toBeUndefined()
  })

  it.each([
    ['-y', { explicit: '/nowhere/a.yml', env: {} }, '"/nowhere/a.yml", given with -y, does not exist'],
    [
      '$ENCODE_CONFIG',
      { explicit: undefined, env: { ENCODE_CONFIG: '/nowhere/b.yml' } },
      '"/nowhere/b.yml", named by $ENCODE_CONFIG, does not exist',
    ],
  ])('refuses a file that %s names and that is not there, though others are', async (_how, given, expected) => {
    await write('home/.transcode.yml', '')
    const error = await refusal(findConfigFile({ ...given, homeFolder: join(folder, 'home') }))
    expect(error.code).toBe('CONFIG_INVALID')
    expect(error.message).toContain(expected)
  })
})

async function write(name: string, text: string): Promise<string> {
  const file = join(folder, name)
  await mkdir(join(file, '..'), { recursive: true })
  await writeFile(file, text)
  return file
}

async function refusal(promise: Promise<unknown>): Promise<EncodeError> {
  return await promise.then(
    () => expect.unreachable('It was not refused'),
    (error: EncodeError) => error,
  )
}
