"""The pages in a real browser: Chromium, with scripts switched off but for the checker that the tests inject."""
