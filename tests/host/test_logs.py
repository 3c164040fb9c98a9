"""The log as people read it."""

import logging

from standalone.logs import TextFormatter


def test_a_stack_at_the_end_of_a_message_leaves_no_empty_line() -> None:
    """Its text ends with one, and between events there is none."""
    record = logging.LogRecord("standalone.http", logging.ERROR, __file__, 1, "%s failed:\n%s", ("x", '  File "x.py", line 1\n'), None)
    assert TextFormatter().format(record).endswith('http       error: x failed:\n  File "x.py", line 1')
