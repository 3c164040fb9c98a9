"""The clients: HTTP and timer functions, what people and other systems call. Each translates: parse, ask the records, announce, answer."""

from clients.health import bp as health
from clients.openapi import bp as openapi
from clients.operations import bp as operations
from clients.proposals import bp as proposals
from clients.review import bp as review
from clients.static_files import bp as static_files
from clients.submission import bp as submission
from clients.sweep import bp as sweep

BLUEPRINTS = (proposals, submission, review, operations, health, openapi, static_files, sweep)
"""Every blueprint of this package, for the composition root."""
