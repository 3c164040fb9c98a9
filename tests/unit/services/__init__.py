"""Tests of the services, without a host."""
