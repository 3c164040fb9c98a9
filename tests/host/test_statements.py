"""The line of code that a page shows is the whole statement, however its author broke it."""

import pytest

from standalone.workers.tracing import LONGEST_STATEMENT, statements


@pytest.mark.parametrize(
    ("code", "line", "shown"),
    [
        ("winner = yield context.task_any([\n    decision,\n    timeout,\n])\n", 1, "winner = yield context.task_any([decision, timeout])"),
        (
            "paid = (\n    yield context.call_activity(\n        'pay', {'a': 1}\n    )\n)\n",
            2,
            "paid = (yield context.call_activity('pay', {'a': 1}))",
        ),
        ("x = [\n    1,  # one\n    # two\n\n    2\n]\n", 4, "x = [1, 2]"),
        ("total = one + \\\n    two\n", 2, "total = one + \\ two"),
        ("if ask(\n    'a'\n):\n    go()\nelse:\n    stay()\n", 2, "if ask('a'):"),
        ("if ask(\n    'a'\n):\n    go()\nelse:\n    stay()\n", 4, "go()"),
        ("if ask(\n    'a'\n):\n    go()\nelse:\n    stay()\n", 5, "else:"),
        ("match ask(\n    1\n):\n    case 1 if sure():\n        go()\n", 1, "match ask(1):"),
        ("match ask(\n    1\n):\n    case 1 if sure():\n        go()\n", 4, "case 1 if sure():"),
        ("for each in many: go(each)  # at once\n", 1, "for each in many: go(each)  # at once"),
        ("go('#1',\n   '# 2')\n", 1, "go('#1', '# 2')"),
    ],
)
def test_a_statement_of_several_lines_is_shown_on_one(code: str, line: int, shown: str) -> None:
    """`yield context.call_activity(` tells nobody which; what is on one line stays as it is, its comment too."""
    assert statements(code)[line] == shown


def test_a_long_statement_is_cut() -> None:
    """A table of a hundred lines is no line of code."""
    shown = statements("rows = [\n" + "    'a row',\n" * 100 + "]\n")[7]
    assert len(shown) == LONGEST_STATEMENT + 1
    assert shown.startswith("rows = ['a row', 'a row',")
    assert shown.endswith("…")
