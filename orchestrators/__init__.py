"""The orchestrators: thin generators that only yield tasks. They import `domain.names` and nothing else of ours."""
