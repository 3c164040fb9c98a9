"""People as the rules see them: a name, an address, and what makes two addresses one person."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Person:
    """Somebody who submits or decides. `email` is as given; compare persons by the directory, never by `==`."""

    name: str
    email: str


SYSTEM = Person("Greenlight", "")
"""The author of what happens by itself: the passing of time, rules, plans."""
