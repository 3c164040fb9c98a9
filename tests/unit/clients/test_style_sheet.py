"""The style sheet's colours, held to WCAG 2.2 in light and dark: text 4.5:1, edges and parts of graphics 3:1."""

import re

import pytest

from clients.pages import style_sheet

SHEET = style_sheet()[1].decode()
PAIRS = {name: (light, dark) for name, light, dark in re.findall(r"--([\w-]+): light-dark\((#\w+), (#\w+)\);", SHEET)}

TEXT = [
    ("ink", "paper"), ("ink", "card"), ("quiet", "paper"), ("quiet", "card"), ("accent", "paper"), ("accent", "card"),
    ("on-accent", "accent"),
    ("good", "good-ground"), ("bad", "bad-ground"), ("warn", "warn-ground"), ("calm", "calm-ground"), ("good", "paper"), ("bad", "paper"),
    ("warn", "paper"), ("calm", "paper"), ("ink", "good-ground"), ("ink", "bad-ground"), ("ink", "warn-ground"), ("ink", "calm-ground"),
    ("quiet", "good-ground"), ("quiet", "bad-ground"), ("quiet", "warn-ground"), ("quiet", "calm-ground"), ("paper", "bad"),
]  # fmt: skip
PARTS = [
    ("edge", "paper"),
    ("edge", "card"),
    ("focus", "paper"),
    ("focus", "card"),
    ("good", "line"),
    ("bad", "line"),
    ("calm", "line"),
    ("warn", "line"),
]


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: str, second: str) -> float:
    """From 1 to 21."""
    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("front", "ground", "least"), [(*pair, 4.5) for pair in TEXT] + [(*pair, 3.0) for pair in PARTS])
def test_what_is_to_be_read_stands_out(front: str, ground: str, least: float, scheme: int) -> None:
    """Not rounded up."""
    assert contrast(PAIRS[front][scheme], PAIRS[ground][scheme]) >= least


def test_every_colour_is_a_pair_of_the_list() -> None:
    """A colour written elsewhere would be tested by nobody, and be wrong in the dark."""
    _, _, rules = SHEET.partition("}")
    assert not re.findall(r"#[0-9a-f]{3,8}\b", rules)
