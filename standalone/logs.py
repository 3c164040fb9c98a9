"""Logs that people like: one line an event on a terminal, JSON lines for machines. The same in the host and in its workers."""

import json
import logging
import os
import sys
from datetime import UTC, datetime
from typing import Literal

FORM, LEVEL = "STANDALONE_LOG", "STANDALONE_LOG_LEVEL"
"""How workers hear of the form and the level."""

QUIET = ("aiosmtpd", "mail.log", "asyncio", "azure", "azure.functions.AsgiMiddleware")

Form = Literal["text", "json"]


class TextFormatter(logging.Formatter):
    """`12:01:02 advance  message`, with the stack below when there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """One record as a line."""
        at = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S")
        level = "" if record.levelno < logging.WARNING else f"{record.levelname.lower()}: "
        text = f"{at}  {record.name.rpartition('.')[2]:<10} {level}{record.getMessage().rstrip()}"
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


class JsonFormatter(logging.Formatter):
    """One JSON object a line: at, level, logger, message, and the stack."""

    def format(self, record: logging.LogRecord) -> str:
        """One record as a line."""
        fields = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            fields["stack"] = self.formatException(record.exc_info)
        return json.dumps(fields, ensure_ascii=False)


def configure(form: str, *, verbose: bool = False) -> None:
    """Send the logs of this process, and of the workers that it starts, to standard error in that form."""
    os.environ[FORM], os.environ[LEVEL] = form, "DEBUG" if verbose else "INFO"
    _configure(form, os.environ[LEVEL])


def configure_worker() -> None:
    """The same as the process that started this one."""
    _configure(os.environ.get(FORM, "text"), os.environ.get(LEVEL, "INFO"))


def _configure(form: str, level: str) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
