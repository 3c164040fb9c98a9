"""The whole app on the standalone host, in this process, on virtual time: a month passes in milliseconds."""
