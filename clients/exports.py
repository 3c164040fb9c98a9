"""Lists and trails as CSV and JSON Lines. What a spreadsheet could run as a formula is guarded; numbers stay numbers."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

JSON, JSON_LINES, CSV = "application/json", "application/jsonl", "text/csv"

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def guarded(cell: Any) -> Any:
    """A cell that no spreadsheet runs: an apostrophe before text that begins like a formula, blanks before it aside.

    https://owasp.org/www-community/attacks/CSV_Injection
    """
    if not isinstance(cell, str):
        return cell
    return f"'{cell}" if cell.lstrip(" ").startswith(_FORMULA_STARTS) else cell


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, Any]], numbers: Sequence[str] = ()) -> str:
    """Rows under a header, with a byte order mark, since spreadsheets guess wrong without. Columns of `numbers` are never guarded."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([plain(row.get(column)) if column in numbers else guarded(plain(row.get(column))) for column in columns])
    return "\ufeff" + file.getvalue()


def plain(value: Any) -> Any:
    """A value as one cell."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return "; ".join(map(str, value))
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    return value


def json_lines(rows: Iterable[Mapping[str, Any]]) -> str:
    """One JSON object a line."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
