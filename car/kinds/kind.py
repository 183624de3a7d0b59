"""What every kind of device or pilot has, whoever made it."""

from __future__ import annotations

from abc import ABC
from collections.abc import Iterable
from typing import ClassVar, Generic, TypeVar

from car.kinds.section import Section
from car.kinds.verdict import Verdict
from hardware.computer import Computer

SectionT = TypeVar("SectionT", bound=Section)


class Kind(ABC, Generic[SectionT]):
    """A kind of camera, drivetrain, sensor or pilot: one object with all that the program needs to know of it.

    ``section`` is the class of its section of ``car.toml``, with the keys of its own. ``name`` is what ``kind = "…"``
    says to mean it, and ``package`` the installed package that it is from, empty for ours; the registry sets both.
    """

    section: type[SectionT]
    name: str = ""
    package: str = ""
    is_simulated: ClassVar[bool] = False
    """True for what belongs to the simulator's world, which makes it; ``open`` is then never called."""

    def check(self, section: SectionT, computer: Computer) -> Iterable[Verdict]:
        """Yield what ``car doctor`` has to say of it on this computer; it must change nothing and move nothing."""
        return ()
