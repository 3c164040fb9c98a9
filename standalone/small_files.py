"""Small files of JSON that are written again and again: when it is, when timer functions are due."""

import os
from pathlib import Path


def overwrite(path: Path, text: str) -> None:
    """Let `path` hold `text`, and blanks where it held more, by one write: a process that is killed leaves the old or the new.

    A new file in its place would be as safe, but file systems take care to have its blocks on the disk first, at each stop of a skip.
    """
    file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o666)
    try:
        os.write(file, text.encode().ljust(os.fstat(file).st_size))
    finally:
        os.close(file)
