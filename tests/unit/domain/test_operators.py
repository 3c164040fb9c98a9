"""What an operator may do, and what bars it."""
