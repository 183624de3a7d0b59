"""What there is to say of a tub and its import."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from car.sessions.tub.records import Defect, Tally, Tub

MAX_KEYS = 20
"""So many names of keys are listed."""

DEFECT_EVENT = "defect"
UNUSED_EVENT = "unused inputs"
"""What an imported session calls the events that say what was wrong with its tub, and what of it was not used."""

_COPY = "Copy it once more from where it was recorded, then import it again"
_ADVICE = {
    Defect.MISSING_IMAGE: "Copy its images beside its records, then import it again.",
    Defect.EMPTY_IMAGE: f"{_COPY}; images that are empty there too were lost in a power failure.",
    Defect.BROKEN_IMAGE: f"{_COPY}; images that are neither JPEG nor PNG have to be converted first.",
    Defect.BROKEN_LINE: f"{_COPY}; records that are broken there too were lost in a power failure.",
    Defect.GAP_FILLER: "It only fills a gap. Leave it out.",
}


@dataclass(frozen=True, slots=True)
class TubReport:
    """What was in a tub and what became of it.

    ``records`` counts the catalogs' records, ``imported`` those that are in the session ``path`` now, of which
    ``left_out`` are in its list of edits. ``known`` maps each session that has records of this tub from an earlier
    import to how many; with nothing ``imported`` there is nothing new, and no session was made. Of the ``moving`` ones
    imported, ``backwards`` have a negative throttle. ``defects`` maps each kind that was met to its count, ``first`` to
    the first place it was met; ``unused_keys`` are the records' keys that a session has no place for.
    """

    tub: Path
    path: Path
    records: int
    imported: int
    left_out: int
    duration_s: float
    defects: Mapping[Defect, int]
    first: Mapping[Defect, str]
    unused_keys: tuple[str, ...]
    known: Mapping[str, int]
    moving: int
    backwards: int

    def __str__(self) -> str:
        if not self.imported:
            return f"{self.tub}: imported already, {_counted(self.known)}"
        source = "" if self.tub.resolve().name == self.path.stem else f", from {self.tub}"
        left_out = f", {self.left_out} of them left out" if self.left_out else ""
        known = f"; already imported: {_counted(self.known)}" if self.known else ""
        lines = [f"{self.path.stem}: {self.imported} of {self.records} records imported{left_out}{source}{known}"]
        lines += [f"  {count:6} {defect}, first {self.first[defect]}" for defect, count in self.defects.items()]
        if self.unused_keys:
            lines.append(f"  keys without a place in a session: {listed(self.unused_keys)}")
        if self.drives_backwards:
            lines.append(f"  {self._backwards_advice()}")
        return "\n".join(lines)

    @property
    def drives_backwards(self) -> bool:
        """Whether most of what moves has a negative throttle, as on a car whose throttle is the wrong way round."""
        return 2 * self.backwards > self.moving

    def _backwards_advice(self) -> str:
        return (
            f"The throttle is negative in {self.backwards} of {self.moving} records that move: a pilot trained on them "
            f"drives backwards. If this car drove forwards, delete the session {self.path.stem} and run "
            f"`car sessions import --negate-throttle` on the tub."
        )


def nothing_in(tub_dir: Path, tub: Tub, tally: Tally) -> str:
    """Return why nothing in a tub can be imported, and what to do about that."""
    why = "".join(f", {count} {defect}, first {tally.first[defect]}" for defect, count in tally.counts.items())
    return f"Nothing in {tub_dir} can be imported ({tub.lines} records{why}). {_advice(tub, tally)}"


def _advice(tub: Tub, tally: Tally) -> str:
    worst = max((Defect.NO_COMMAND, *_ADVICE), key=lambda defect: tally.counts[defect])
    if not tally.counts[worst]:
        return "Nothing was recorded in it. Leave it out."
    if worst is Defect.NO_COMMAND:
        return (
            f"Its records have the keys {listed(tub.keys)}. Call those of steering and throttle user/angle and "
            "user/throttle, numbers from -1 to 1, in the records and in manifest.json."
        )
    return _ADVICE[worst]


def _counted(known: Mapping[str, int]) -> str:
    return ", ".join(f"{count} records as {name}" for name, count in known.items())


def listed(keys: Collection[str]) -> str:
    """Return the names of keys as a person reads them, in order and not too many."""
    more = f" and {len(keys) - MAX_KEYS} more" if len(keys) > MAX_KEYS else ""
    return ", ".join(sorted(keys)[:MAX_KEYS]) + more
