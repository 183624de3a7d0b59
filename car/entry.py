"""Where the ``car`` command starts."""

from __future__ import annotations

import sys
from typing import Never


def main() -> Never:
    """Run ``car neutral`` with next to no imports, because it may be all that is left; anything else as usual."""
    if sys.argv[1:2] == ["neutral"]:
        from car.neutral import main as neutral

        sys.exit(neutral(sys.argv[2:]))
    from car.cli import main as command_line

    command_line()
