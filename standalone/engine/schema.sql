-- The durable engine's file: every statement that touches it.
--
-- THEORY
-- An instance is a row. Its history is one row an episode: the events that came, what the episode scheduled, and the tasks (activities,
-- timers) that follow from it. What arrives for an instance and has not been in an episode is a message; what time will bring is a timer.
--
--     message or timer  --(episode)-->  history row, instance row, new timers, messages to other instances
--
-- An episode is one transaction: what it took is deleted and what it made is inserted, together. So at any instant, whatever was
-- acknowledged is either a message, a timer, or part of a history, and is there once. Transactions of many instances are grouped into
-- one commit (synchronous=FULL: it is on the disk when it returns). A message that an episode of the same group took is never written.
-- A task starts after the commit of its episode and its result comes back as an event of a later one; killed in between, it runs again.
--
-- One connection writes. Readers see the last commit. After a crash only what is under way is looked at: messages, due timers, and
-- instances with `open` > 0 (activities scheduled and not answered, or a new execution that has not run). Instances that wait cost a row.
--
-- Instants are microseconds since 1970 UTC. `n` is an instance's number for life. `k` numbers its episodes.
--
-- `schema` makes the tables of a new file. `to_version_N` brings the file of the version before to version N (migrations.py).

-- name: schema
CREATE TABLE instances (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    k INTEGER NOT NULL DEFAULT 0,
    open INTEGER NOT NULL DEFAULT 0,
    fresh INTEGER NOT NULL DEFAULT 0,
    input TEXT,
    custom TEXT,
    output TEXT,
    waits TEXT
);
CREATE INDEX instances_by_status ON instances (status, created);
CREATE INDEX instances_by_creation ON instances (created);
CREATE INDEX instances_under_way ON instances (n) WHERE open > 0 OR fresh > 0;
CREATE TABLE history (r INTEGER PRIMARY KEY, n INTEGER NOT NULL, k INTEGER NOT NULL, events TEXT NOT NULL, tasks TEXT);
CREATE UNIQUE INDEX history_of_instance ON history (n, k);
CREATE TABLE messages (seq INTEGER PRIMARY KEY, n INTEGER NOT NULL, event TEXT NOT NULL, execution TEXT NOT NULL, later INTEGER NOT NULL);
CREATE INDEX messages_of_instance ON messages (n);
CREATE TABLE timers (due INTEGER NOT NULL, n INTEGER NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (due, n, number)) WITHOUT ROWID;

-- name: to_version_2
-- The tables are the same; what is new is the mark in the file's header that says whose it is.

-- name: add_instance
-- A start; an instance that has ended under the same id was deleted just before.
INSERT INTO instances (n, id, name, status, created, updated, input, output) VALUES (?, ?, ?, ?, ?, ?, ?, ?);

-- name: write_episode
-- What an episode left of its instance.
UPDATE instances SET updated = ?, k = ?, open = ?, fresh = ?, custom = ?, output = ?, waits = ?, input = coalesce(?, input) WHERE n = ?;

-- name: write_status
-- By itself, for most episodes change nothing of it: the index would be written anew for each.
UPDATE instances SET status = ? WHERE n = ?;

-- name: write_creation
-- A new execution of an instance counts as its creation.
UPDATE instances SET created = ? WHERE n = ?;

-- name: add_history
INSERT INTO history (n, k, events, tasks) VALUES (?, ?, ?, ?);

-- name: drop_history
-- A new execution starts with an empty history.
DELETE FROM history WHERE n = ?;

-- name: add_message
-- `later`: it is not for now; a timer whose number is the negative seq brings it.
INSERT INTO messages (seq, n, event, execution, later) VALUES (?, ?, ?, ?, ?);

-- name: rewrite_history
-- A rewind strikes failures out of an episode.
UPDATE history SET events = ? WHERE n = ? AND k = ?;

-- name: rewind
UPDATE instances SET status = 'Pending' WHERE n = ?;

-- name: drop_message
DELETE FROM messages WHERE seq = ?;

-- name: drop_messages_of
DELETE FROM messages WHERE n = ?;

-- name: add_timer
INSERT OR IGNORE INTO timers (due, n, number) VALUES (?, ?, ?);

-- name: drop_timer
DELETE FROM timers WHERE due = ? AND n = ? AND number = ?;

-- name: drop_instance
DELETE FROM instances WHERE n = ?;

-- name: drop_timers_of_the_gone
-- All timers are looked through: only where an instance goes that had not ended, for the end of one takes its timers with it.
DELETE FROM timers WHERE n NOT IN (SELECT n FROM instances);

-- name: find
SELECT n, id, name, status, created, updated, input, custom, output, waits FROM instances WHERE id = ?;

-- name: load
SELECT id, name, status, k, open, fresh, custom, output, input FROM instances WHERE n = ?;

-- name: history
SELECT events, tasks FROM history WHERE n = ? ORDER BY k;

-- name: beginning
SELECT coalesce((SELECT events FROM history WHERE n = ? ORDER BY k LIMIT 1), (SELECT event FROM messages WHERE n = ? ORDER BY seq LIMIT 1));

-- name: episodes
SELECT k, events FROM history WHERE n = ? ORDER BY k;

-- name: messages_of
SELECT seq, event, execution FROM messages WHERE n = ? AND NOT later ORDER BY seq;

-- name: message
SELECT event FROM messages WHERE seq = ?;

-- name: for_later
SELECT event FROM messages WHERE n = ? AND later ORDER BY seq;

-- name: due
-- Timers whose time has come, earliest first.
SELECT due, n, number FROM timers WHERE due <= ? ORDER BY due, n, number LIMIT ?;

-- name: next_due
SELECT min(due) FROM timers WHERE due > ?;

-- name: count
-- Instances of a status, up to a number: by index, and no longer than it takes to count so far.
SELECT count(*) FROM (SELECT 1 FROM instances WHERE status = ? LIMIT ?);

-- name: last_numbers
SELECT (SELECT coalesce(max(n), 0) FROM instances), (SELECT coalesce(max(seq), 0) FROM messages);

-- name: waiting_messages
-- Recovery: instances with messages, oldest message first.
SELECT n, min(seq) FROM messages WHERE NOT later GROUP BY n ORDER BY 2;

-- name: under_way
-- Recovery: instances with open activities or a new execution.
SELECT n FROM instances WHERE open > 0 OR fresh > 0;
