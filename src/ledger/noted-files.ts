/** Files and folders that exist, or may exist, because of a job: noted before they are made, forgotten when they are gone. */

import type { Database } from './database.ts'
import { createLivenessFinder } from './process-identity.ts'
import { type FilePlace, type NotedFile, toNotedFile, toProcess } from './records.ts'

export function noteFile(db: Database, { runId, jobId, place, path }: NotedFile, nowMs: number): void {
  const [cluster, host] = toColumns(place)
  db.run(
    `INSERT INTO job_files (run, job, cluster, host, path, noted_at) SELECT ?1, ?2, ?3, ?4, ?5, ?6
     WHERE NOT EXISTS (SELECT 1 FROM job_files WHERE run = ?1 AND job IS ?2 AND cluster = ?3 AND host = ?4 AND path = ?5)`,
    ...[runId, jobId ?? null, cluster, host, path, nowMs],
  )
}

/** A power cut may bring a name back; removing a file that is not there costs nothing. */
export function forgetFile(db: Database, { runId, jobId, place, path }: NotedFile): void {
  const [cluster, host] = toColumns(place)
  db.setDurability('written')
  if (jobId === undefined) {
    db.run('DELETE FROM job_files WHERE run = ? AND job IS NULL AND cluster = ? AND host = ? AND path = ?', runId, cluster, host, path)
  } else {
    db.run('DELETE FROM job_files WHERE job = ? AND cluster = ? AND host = ? AND path = ?', jobId, cluster, host, path)
  }
}

/** Files of runs that are over, however they ended. */
export function findLeftFiles(db: Database): readonly NotedFile[] {
  const findLiveness = createLivenessFinder()
  return db
    .all('SELECT job_files.*, runs.process, runs.finished_at FROM job_files JOIN runs ON runs.id = job_files.run ORDER BY job_files.id')
    .filter((row) => row.finished_at !== null || findLiveness(toProcess(row.process)) === 'dead')
    .map(toNotedFile)
}

export function findRunFiles(db: Database, runId: string): readonly NotedFile[] {
  return db.all('SELECT * FROM job_files WHERE run = ? ORDER BY id', runId).map(toNotedFile)
}

function toColumns(place: FilePlace): readonly [cluster: string, host: string] {
  return place === 'controller' ? ['', ''] : [place.cluster, place.host]
}
