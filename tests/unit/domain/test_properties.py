"""What holds for every proposal, whatever people and time do to it."""
