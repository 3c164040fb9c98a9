"""Commands of the repository: what the Makefile runs."""
