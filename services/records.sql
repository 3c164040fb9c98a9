-- The records on SQLite: every proposal's trail, its head, the marks of what was sent, and the bodies.
--
-- A proposal is its rows in `facts`; its row in `heads` is what the newest fact made of it, written in the same transaction, so a
-- head is never ahead of its trail nor behind it. A commit names the number of the newest fact that it was judged on: where
-- another has come meanwhile, the UPDATE of the head finds no row, and nothing is changed. That one statement is the whole of
-- our concurrency control.
--
-- `seen` is how far the orchestrator has looked; it moves outside of commits, and only forwards.
-- Times are microseconds since 1970 (UTC), so that they compare as numbers. JSON is text as it was hashed.
-- Each statement below is named by the comment above it.

-- name: pragmas
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA foreign_keys = ON;

-- name: schema
CREATE TABLE IF NOT EXISTS heads (
    proposal     TEXT PRIMARY KEY,
    last         INTEGER NOT NULL,          -- number of the newest fact
    last_at      INTEGER NOT NULL,
    seen         INTEGER NOT NULL DEFAULT 0,
    seen_at      INTEGER,
    next_due     INTEGER,                   -- when time alone brings the next fact about
    submitted_at INTEGER NOT NULL,
    status       TEXT NOT NULL,
    submitter    TEXT NOT NULL,             -- addresses casefolded
    department   TEXT NOT NULL,
    deadline     INTEGER,
    row_json     TEXT NOT NULL,             -- the line of the operators' list
    words        TEXT NOT NULL              -- id, title and people, casefolded, for searching
) STRICT;
CREATE INDEX IF NOT EXISTS heads_by_submission ON heads (submitted_at DESC, proposal DESC);
CREATE INDEX IF NOT EXISTS heads_by_status ON heads (status, submitted_at DESC, proposal DESC);
CREATE INDEX IF NOT EXISTS heads_by_submitter ON heads (submitter, submitted_at DESC, proposal DESC);
CREATE INDEX IF NOT EXISTS heads_by_department ON heads (department, submitted_at DESC, proposal DESC);
CREATE INDEX IF NOT EXISTS heads_by_deadline ON heads (deadline) WHERE deadline IS NOT NULL;
CREATE INDEX IF NOT EXISTS heads_unseen ON heads (last_at) WHERE seen < last;
CREATE INDEX IF NOT EXISTS heads_due ON heads (next_due) WHERE next_due IS NOT NULL;
CREATE TABLE IF NOT EXISTS facts (
    proposal TEXT NOT NULL REFERENCES heads (proposal),
    number   INTEGER NOT NULL,
    fact     TEXT NOT NULL,                 -- JSON
    hash     TEXT NOT NULL,                 -- of this fact and the hash before it
    PRIMARY KEY (proposal, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS waiting (       -- open slots, for the list by reviewer
    reviewer     TEXT NOT NULL,
    submitted_at INTEGER NOT NULL,
    proposal     TEXT NOT NULL REFERENCES heads (proposal),
    PRIMARY KEY (reviewer, submitted_at, proposal)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sent (
    proposal TEXT NOT NULL,
    notice   TEXT NOT NULL,
    at       INTEGER NOT NULL,
    PRIMARY KEY (proposal, notice)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS contents (hash TEXT PRIMARY KEY, content BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS probe (one INTEGER PRIMARY KEY CHECK (one = 1), at INTEGER NOT NULL) STRICT;

-- name: insert_head
INSERT INTO heads (proposal, last, last_at, next_due, submitted_at, status, submitter, department, deadline, row_json, words)
VALUES (:proposal, :last, :last_at, :next_due, :submitted_at, :status, :submitter, :department, :deadline, :row_json, :words)
ON CONFLICT (proposal) DO NOTHING;

-- name: update_head
UPDATE heads SET last = :last, last_at = :last_at, next_due = :next_due, status = :status, submitter = :submitter,
    department = :department, deadline = :deadline, row_json = :row_json, words = :words
WHERE proposal = :proposal AND last = :judged_on;

-- name: insert_fact
INSERT INTO facts (proposal, number, fact, hash) VALUES (:proposal, :number, :fact, :hash);

-- name: clear_waiting
DELETE FROM waiting WHERE proposal = :proposal;

-- name: insert_waiting
INSERT OR IGNORE INTO waiting (reviewer, submitted_at, proposal) VALUES (:reviewer, :submitted_at, :proposal);

-- name: read_head
SELECT last, seen, seen_at FROM heads WHERE proposal = :proposal;

-- name: read_facts
SELECT fact, hash FROM facts WHERE proposal = :proposal ORDER BY number;

-- name: mark_seen
UPDATE heads SET seen = max(seen, :number), seen_at = :at WHERE proposal = :proposal;

-- name: mark_sent
INSERT OR IGNORE INTO sent (proposal, notice, at) VALUES (:proposal, :notice, :at);

-- name: was_sent
SELECT 1 FROM sent WHERE proposal = :proposal AND notice = :notice;

-- name: sent
SELECT notice, at FROM sent WHERE proposal = :proposal ORDER BY at, notice;

-- name: behind
SELECT proposal FROM (
    SELECT proposal, last_at AS since FROM heads WHERE seen < last AND last_at < :before
    UNION
    SELECT proposal, next_due AS since FROM heads WHERE next_due < :before
) GROUP BY proposal ORDER BY min(since) LIMIT :limit;

-- name: put_content
INSERT OR IGNORE INTO contents (hash, content) VALUES (:hash, :content);

-- name: get_content
SELECT content FROM contents WHERE hash = :hash;

-- name: check
INSERT INTO probe (one, at) VALUES (1, :at) ON CONFLICT (one) DO UPDATE SET at = excluded.at;
