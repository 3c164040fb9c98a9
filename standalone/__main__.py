"""`python -m standalone`: see command.py."""

import signal
import sys

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until the host listens: whoever thinks better of it gets no stack for an answer
    from standalone.command import end_with, main

    end_with(main(sys.argv[1:]))
