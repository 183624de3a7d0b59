"""Words from another machine, for a terminal."""

from __future__ import annotations


def printable(words: str) -> str:
    """Return ``words`` with nothing in them that does anything to the terminal that shows them."""
    return "".join(letter for letter in words if letter.isprintable())
