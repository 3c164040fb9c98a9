"""The rules of approval: pure functions from values to values. No azure import, no I/O, no clock, no environment."""
