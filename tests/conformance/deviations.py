"""Cases in which this engine does not do what the real one did, each with its reason; docs/standalone.md lists them for readers."""

DEVIATIONS: dict[str, str] = {}
