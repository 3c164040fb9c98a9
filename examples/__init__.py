"""Examples: what a company adds to Greenlight."""
