"""Where there is nobody to ask: the fallback, or a hold that says what it needs."""
