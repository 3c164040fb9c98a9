"""`python -m standalone`: see command.py. Here is what must be said before that can be imported, in words that any Python reads."""

import signal
import sys
from pathlib import Path

OLDEST = (3, 11)


def missing(package: str) -> str:
    """What to do about a package that this Python does not have: the requirements lie beside this package, unless pip brought it."""
    requirements = Path(__file__).resolve().parents[1] / "requirements-standalone.txt"
    wanted = f"-r {requirements}" if requirements.is_file() else package
    return f"standalone: {package} is not installed. {sys.executable} -m pip install {wanted}"


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until the host listens: whoever thinks better of it gets no stack for an answer
    if sys.version_info < OLDEST:
        sys.exit(f"standalone: this is Python {sys.version_info[0]}.{sys.version_info[1]}; {OLDEST[0]}.{OLDEST[1]} or later is needed.")
    try:
        from standalone.command import end_with, main
    except ModuleNotFoundError as error:
        sys.exit(missing(str(error.name)))
    end_with(main(sys.argv[1:]))
