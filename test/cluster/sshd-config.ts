/** What the OpenSSH servers of tests are told, whatever system they pass for: our keys alone, and nothing that waits for this machine's users. */

export interface SshdConfigParts {
  /** Of its keys. */
  readonly folder: string
  readonly address: string
  readonly port: number
  readonly sftpServer: string
  /** sshd takes the first that it is told. */
  readonly before?: readonly string[]
}

export function renderSshdConfig({ folder, address, port, sftpServer, before = [] }: SshdConfigParts): string {
  return [
    ...before,
    `ListenAddress ${address}`,
    `Port ${port}`,
    `HostKey ${folder}/host_key`,
    `AuthorizedKeysFile ${folder}/authorized_keys`,
    'PidFile none',
    'UsePAM no',
    'StrictModes no',
    'UseDNS no',
    'PermitRootLogin yes',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'PrintMotd no',
    'LogLevel VERBOSE',
    `Subsystem sftp ${sftpServer}`,
    '',
  ].join('\n')
}
