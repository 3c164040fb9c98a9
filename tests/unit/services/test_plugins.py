"""Proprietary rules: found by name, and never trusted to behave."""
