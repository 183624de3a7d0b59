"""Finding a kind by its name: ours in a table, a stranger's by the entry points of installed packages.

A stranger's package is looked for when somebody names a kind that is not ours, and at no other time: no start waits for
packages that nobody uses, and a broken one breaks no car but those that name it.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar, cast

from car.kinds.kind import Kind
from car.kinds.section import Section

KindT = TypeVar("KindT", bound=Kind[Any])


class UnknownKind(LookupError):
    """There is no kind of that name; its words are what there is instead."""


class PluginError(ImportError):
    """An installed package offers a kind that cannot be used; one sentence names the package, one what to do."""


class Registry(Generic[KindT]):
    """The kinds of one sort of thing, by name.

    >>> from car.kinds import CameraKind, CameraSection
    >>> ours = {"usb": "car.kinds.usb:UsbKind"}
    >>> cameras = Registry("pocketpilot.cameras", CameraKind, CameraSection, ours)
    >>> cameras.find("usb").name
    'usb'

    ``ours`` is written as entry points are, ``"module:class"`` by name; a package of somebody else's has the same in
    its ``pyproject.toml``, under ``group``. Each names a class that derives from ``base`` and is made without
    arguments; its ``section`` derives from ``section``. Ours go first: no package can take the place of one of them.
    """

    def __init__(self, group: str, base: type[Any], section: type[Section], ours: Mapping[str, str]) -> None:
        self.group = group
        self._base: type[Any] = base
        self._section = section
        self._ours = dict(ours)
        self._found: dict[str, KindT] = {}

    def find(self, name: object) -> KindT:
        """Return the kind of that name; raises UnknownKind, or PluginError when its package is broken."""
        if not isinstance(name, str):
            raise UnknownKind(self.choice())
        if name not in self._found:
            self._found[name] = self._load(name)
        return self._found[name]

    def names(self) -> list[str]:
        """Return the name of every kind, ours first; nothing is loaded for it."""
        return [*self._ours, *sorted(self.packages())]

    def packages(self) -> dict[str, str]:
        """Return the package of each kind that is not ours, by the kind's name."""
        return {entry.name: _package_of(entry) for entry in self._strangers()}

    def modules(self) -> dict[str, str]:
        """Return the module of each kind that is not ours, by the kind's name; it has not been imported for that."""
        return {entry.name: entry.module for entry in self._strangers()}

    def choice(self) -> str:
        """Return in words what there is to choose from."""
        *others, last = self.names() or ["one that you have installed: docs/extending.md tells how to make one"]
        return f"choose {', '.join(others)} or {last}" if others else f"choose {last}"

    def _load(self, name: str) -> KindT:
        if name in self._ours:
            return self._made(EntryPoint(name, self._ours[name], self.group), package="")
        entries = [entry for entry in self._entries() if entry.name == name]
        packages = sorted({_package_of(entry) for entry in entries})
        if not entries:
            raise UnknownKind(self.choice())
        if len(packages) > 1:
            raise PluginError(
                f"The kind {name} is offered by the packages {' and '.join(packages)}. "
                f"Keep one of them: pip uninstall {packages[-1]}"
            )
        try:
            return self._made(entries[0], packages[0])
        except (Exception, SystemExit) as error:
            raise PluginError(
                f"The kind {name} of the package {packages[0]} cannot be loaded ({_reason(error)}). "
                f"Fix the package, or choose another kind."
            ) from error

    def _made(self, entry: EntryPoint, package: str) -> KindT:
        made: Any = entry.load()
        if not (inspect.isclass(made) and issubclass(made, self._base)):
            raise TypeError(f"{entry.value} is not a class that derives from car.kinds.{self._base.__name__}")
        kind = cast(KindT, made())
        if not (inspect.isclass(getattr(kind, "section", None)) and issubclass(kind.section, self._section)):
            raise TypeError(f"its section does not derive from car.kinds.{self._section.__name__}")
        kind.name, kind.package = entry.name, package
        return kind

    def _strangers(self) -> list[EntryPoint]:
        return [entry for entry in self._entries() if entry.name not in self._ours]

    def _entries(self) -> list[EntryPoint]:
        return list(entry_points(group=self.group))


def _package_of(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else entry.module


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
