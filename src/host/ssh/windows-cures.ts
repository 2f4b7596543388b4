/** What keeps people out of a Windows host, where its server's name or the configuration tells that it is one. */

import type { SshSettings } from './ssh-settings.ts'

/** Microsoft's server, by what it calls itself. Others run on Windows too, and keep their keys elsewhere. */
export function isMicrosoftServer(banner: string): boolean {
  return /^SSH-2\.0-OpenSSH_for_Windows/.test(banner)
}

/**
 * Of administrators the server reads another file than everybody expects, and passes it over in silence when others may write it.
 * @see https://learn.microsoft.com/windows-server/administration/openssh/openssh_keymanagement
 */
export const WINDOWS_KEY_CURE =
  String.raw`Of administrators it reads C:\ProgramData\ssh\administrators_authorized_keys alone: add the key there, then run ` +
  String.raw`"icacls C:\ProgramData\ssh\administrators_authorized_keys /inheritance:r /grant SYSTEM:F /grant *S-1-5-32-544:F"; ` +
  String.raw`for other users add it to .ssh\authorized_keys in their home folder`

/** Undefined where a connection failed in no way of Windows'. */
export function toWindowsCure({ isWindows, port }: Pick<SshSettings, 'isWindows' | 'port'>, code: string): string | undefined {
  if (isWindows !== true) return undefined
  if (code === 'ECONNREFUSED') {
    return 'Is its service started? In a PowerShell there, as administrator: "Start-Service sshd; Set-Service sshd -StartupType Automatic"'
  }
  if (code !== 'ETIMEDOUT') return undefined
  const rule = `New-NetFirewallRule -Name encode -DisplayName sshd -Direction Inbound -Protocol TCP -LocalPort ${port} -Action Allow`
  return `Is it switched on and awake? Its firewall may hold SSH off: in a PowerShell there, as administrator: "${rule}"`
}
