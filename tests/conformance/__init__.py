"""What the real Durable extension did, case by case, and whether the engine does the same."""
