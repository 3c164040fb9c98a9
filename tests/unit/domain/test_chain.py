"""Facts as JSON, and the chain of hashes over them."""
