"""What is printed of an import."""

from __future__ import annotations

import json
import shlex
import textwrap
from collections.abc import Iterator

from car.config.donkey.importer import Imported

WIDTH = 110


def lines_of(imported: Imported) -> Iterator[str]:
    """Yield what became of each setting, line by line, and what to do next."""
    translation = imported.translation
    yield f"Made {imported.path} from:"
    for taken in translation.taken:
        line = f"{taken.key} = {json.dumps(taken.value)}"
        yield f"  {f'[{taken.section}] {line}':<46}  {taken.setting}"
    yield from _listed("Could not be read", translation.unread())
    yield from _listed("Not used here", translation.unused())
    yield from (f"Note: {remark}" for remark in translation.remarks)
    folder = shlex.quote(str(imported.path.parent))
    if "drivetrain" in translation.changes():
        yield (
            "The car does not arm yet: the pulses have not been checked. Take its wheels off the ground and run: "
            f"car calibrate --car {folder}"
        )
    else:
        yield f"Drive it with: car drive --car {folder}"


def _listed(title: str, names: list[str]) -> Iterator[str]:
    if names:
        yield from textwrap.wrap(f"{title}: {', '.join(names)}", WIDTH, subsequent_indent="  ", break_on_hyphens=False)
