"""The schema's version in the engine's file: a new file gets today's tables, an older one is brought up to date, a newer one refused.

SQLite keeps both numbers in the file's header and writes them within the transaction (https://www.sqlite.org/pragma.html): `application_id`
says that the file is ours, `user_version` which schema it has. All steps to the present version are one transaction: a file is of the old
version or of the new one, whatever happens meanwhile.
"""

import sqlite3
from collections.abc import Mapping
from pathlib import Path

VERSION = 2
"""The schema that schema.sql makes. Whoever changes a table raises it and adds the statement `to_version_N`."""

APPLICATION_ID = 0x44757261  # "Dura"
TABLES = {"instances", "history", "messages", "timers"}


class StoreUnusable(Exception):
    """The file is not ours, is newer than this program, or cannot be opened: the message says which."""


def prepare(connection: sqlite3.Connection, path: Path, statements: Mapping[str, str]) -> None:
    """Bring the file to the present version. Raises StoreUnusable, or sqlite3.Error with nothing changed."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if version == 0 and not tables:
        _run(connection, [statements["schema"]])
        return
    if not _is_ours(connection, version, tables):
        raise StoreUnusable(f"{path} is an SQLite file of something else.")
    if version > VERSION:
        raise StoreUnusable(
            f"{path} was written by a newer version of this host (its schema is {version}, the newest known here {VERSION}): "
            "run that version, or name another folder with --state."
        )
    if version < VERSION:
        _run(connection, [statements[f"to_version_{number}"] for number in range(version + 1, VERSION + 1)])


def _is_ours(connection: sqlite3.Connection, version: int, tables: set[str]) -> bool:
    if version == 1:  # the mark came with version 2
        return tables >= TABLES
    return bool(connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID)


def _run(connection: sqlite3.Connection, steps: list[str]) -> None:
    """Steps and both numbers, as one transaction."""
    numbers = f"PRAGMA application_id={APPLICATION_ID}; PRAGMA user_version={VERSION};"
    try:
        connection.executescript(f"BEGIN IMMEDIATE; {' '.join(steps)} {numbers} COMMIT;")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
