"""Tests of the clients without a host."""
