"""Measurements of this project, run by hand: they print, and assert nothing."""
