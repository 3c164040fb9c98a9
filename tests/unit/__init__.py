"""Tests without a host: they run in seconds."""
