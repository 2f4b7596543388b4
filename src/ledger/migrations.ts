/**
 * The shape of the ledger, step by step. `user_version` counts the steps that a file has been through. A step that was released
 * is never changed; what comes later is a new one at the end.
 */

export const MIGRATIONS: readonly string[] = [
  // 1: runs, their jobs, what exists because of them, and who works on which file.
  `
  CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    started_at INTEGER NOT NULL,         -- milliseconds since 1970 UTC, like every *_at
    finished_at INTEGER,                 -- null: under way, or its controller died
    pid INTEGER NOT NULL,
    process TEXT NOT NULL,               -- JSON: ProcessIdentity of the controller
    exit_status INTEGER,                 -- null with finished_at: closed by a later run
    argv TEXT NOT NULL,                  -- JSON: list of strings
    clusters TEXT NOT NULL               -- JSON: list of names
  ) STRICT;
  CREATE INDEX runs_by_start ON runs (started_at);

  CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    run TEXT NOT NULL REFERENCES runs (id),
    source TEXT NOT NULL,
    source_bytes INTEGER NOT NULL,
    source_mtime_ms REAL NOT NULL,
    cluster TEXT NOT NULL,
    profile TEXT NOT NULL,
    queue TEXT NOT NULL,
    rule TEXT,
    output TEXT NOT NULL,
    replaces_source INTEGER NOT NULL,
    may_overwrite INTEGER NOT NULL,
    queue_file TEXT,
    plan TEXT,                           -- JSON: JobPlan; null once the job is done or skipped
    state TEXT NOT NULL,
    attempt INTEGER NOT NULL DEFAULT 0,
    host TEXT,
    reason TEXT,
    log TEXT,
    temporary TEXT,                      -- name of the verified result before it is put in place
    output_bytes INTEGER,
    resumed_as TEXT,                     -- id of the job that went on with this one
    added_at INTEGER NOT NULL,
    started_at INTEGER,
    changed_at INTEGER NOT NULL,
    finished_at INTEGER
  ) STRICT;
  CREATE INDEX jobs_by_run ON jobs (run, state);

  CREATE TABLE job_files (
    id INTEGER PRIMARY KEY,
    run TEXT NOT NULL REFERENCES runs (id),
    job TEXT REFERENCES jobs (id),       -- null: belongs to the run as a whole
    cluster TEXT NOT NULL,               -- both empty: on the controller
    host TEXT NOT NULL,
    path TEXT NOT NULL,
    noted_at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX job_files_by_job ON job_files (job);
  CREATE INDEX job_files_by_run ON job_files (run);

  CREATE TABLE claims (
    path TEXT PRIMARY KEY,               -- real path of a source
    run TEXT NOT NULL REFERENCES runs (id),
    claimed_at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX claims_by_run ON claims (run);
  `,
  // 2: which encoders were found to work on which host.
  `
  CREATE TABLE encoder_trials (
    host TEXT NOT NULL,                  -- how it is reached, or that it is this machine
    ffmpeg_path TEXT NOT NULL,
    ffmpeg_version TEXT NOT NULL,
    encoder TEXT NOT NULL,               -- with the device it was tried on, where one was named
    failure TEXT,                        -- null: it works
    tried_at INTEGER NOT NULL,
    PRIMARY KEY (host, ffmpeg_path, encoder)
  ) STRICT;
  `,
  // 3: whether a finished job still has its line in the queue file: its controller may have died in between.
  `
  ALTER TABLE jobs ADD COLUMN line_dropped INTEGER NOT NULL DEFAULT 0;
  UPDATE jobs SET line_dropped = 1 WHERE run IN (SELECT id FROM runs WHERE exit_status IS NOT NULL);
  CREATE INDEX done_jobs_by_source ON jobs (source) WHERE state = 'done';
  `,
  // 4: how large results become, by profile.
  `
  CREATE INDEX done_jobs_by_profile ON jobs (profile) WHERE state = 'done';
  `,
  // 5: what "encode drain" asks of runs under way.
  `
  CREATE TABLE drain_requests (
    id INTEGER PRIMARY KEY,
    run TEXT NOT NULL REFERENCES runs (id),
    cluster TEXT,                        -- null: every cluster of the run
    host TEXT,                           -- null: the run as a whole
    asked_at INTEGER NOT NULL,
    is_refused INTEGER,
    answer TEXT                          -- null: the run has not seen it yet
  ) STRICT;
  CREATE INDEX open_drain_requests ON drain_requests (run) WHERE answer IS NULL;
  `,
  // 6: files that a run refused before they were jobs; and one file by several names (hard links, mounts) is claimed once.
  `
  CREATE TABLE refused_files (
    id INTEGER PRIMARY KEY,
    run TEXT NOT NULL REFERENCES runs (id),
    path TEXT NOT NULL,
    reason TEXT NOT NULL,
    refused_at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX refused_files_by_run ON refused_files (run);
  ALTER TABLE claims ADD COLUMN inode TEXT; -- device and number of the file; null: there was none
  CREATE INDEX claims_by_inode ON claims (inode) WHERE inode IS NOT NULL;
  `,
  // 7: how fast hosts turned out to be.
  `
  CREATE TABLE host_speeds (
    host TEXT NOT NULL,                  -- as in encoder_trials
    ffmpeg_path TEXT NOT NULL,
    ffmpeg_version TEXT NOT NULL,
    profile TEXT NOT NULL,
    size_class TEXT NOT NULL,
    work_per_second REAL NOT NULL,       -- picture points of source
    learned_at INTEGER NOT NULL,
    PRIMARY KEY (host, ffmpeg_path, profile, size_class)
  ) STRICT;
  CREATE INDEX host_speeds_by_age ON host_speeds (learned_at);
  CREATE TABLE host_links (
    host TEXT PRIMARY KEY,
    bytes_per_second REAL NOT NULL,      -- what all its jobs had together
    learned_at INTEGER NOT NULL
  ) STRICT;
  `,
  // 8: how fast encoders were when they were tried.
  `
  ALTER TABLE encoder_trials ADD COLUMN points_per_second REAL; -- null: nobody knows
  `,
  // 9: what the ffmpeg of a host was found to be.
  `
  CREATE TABLE known_ffmpegs (
    host TEXT NOT NULL,                  -- as in encoder_trials
    configured TEXT NOT NULL,            -- what the configuration calls it; empty: it was looked for
    said TEXT NOT NULL,                  -- JSON: KnownFfmpeg
    PRIMARY KEY (host, configured)
  ) STRICT;
  `,
  // 10: whether the two ways of a link take from each other.
  `
  ALTER TABLE host_links ADD COLUMN both_ratio REAL; -- of one way, while both are in use: 1 = all of it; null: nobody knows
  `,
]
