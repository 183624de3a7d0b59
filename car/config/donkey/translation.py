"""What has become of a Donkey Car's settings so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from car.config.donkey.settings import Settings

Value = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Taken:
    """A key of ``car.toml`` that was set, and in words the settings because of which."""

    setting: str
    section: str
    key: str
    value: Value


@dataclass(slots=True)
class Translation:
    """What became of ``settings``: what was ``taken``, and in sentences what their owner ought to know besides."""

    settings: Settings
    taken: list[Taken] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    used: set[str] = field(default_factory=set)

    def changes(self) -> dict[str, dict[str, Value]]:
        """Return what to set in ``car.toml``, by section."""
        sections: dict[str, dict[str, Value]] = {}
        for taken in self.taken:
            sections.setdefault(taken.section, {})[taken.key] = taken.value
        return sections

    def take(self, setting: str, section: str, key: str, value: Value) -> None:
        """Set a key of ``car.toml`` because of ``setting``."""
        self.taken.append(Taken(setting, section, key, value))

    def value(self, name: str, kind: type[Value]) -> Any:
        """Return a setting of the ``kind``, None where it is not set; one of another kind counts as not readable."""
        if name in self.settings.values or name in self.settings.unread:
            self.used.add(name)
        value = self.settings.values.get(name)
        if value is None or is_of(value, kind):
            return value
        self.settings.unread[name] = f"not {_IN_WORDS[kind]}"
        return None

    def unread(self) -> list[str]:
        """Return the settings that mean something here and could not be read, each with where or why."""
        return [f"{name} ({why})" for name, why in self.settings.unread.items() if name in self.used]

    def unused(self) -> list[str]:
        """Return the settings that mean nothing here."""
        names = {*self.settings.values, *self.settings.unread} - self.used
        return sorted(name for name in names if name.isupper())


@dataclass(frozen=True, slots=True)
class Table:
    """Settings that stand in a dictionary of this ``name``, or beside it."""

    translation: Translation
    name: str

    def get(self, key: str, kind: type[Value], default: Any) -> Any:
        """Return a setting of the ``kind``, ``default`` where there is none that can be read."""
        settings = self.translation.settings
        if self.name in settings.unread or self._entries:
            self.translation.used.add(self.name)
        value = self._entries.get(key)
        if value is None:
            value = self.translation.value(key, kind)
        elif not is_of(value, kind):
            settings.unread[self.name] = f"its {key} is not {_IN_WORDS[kind]}"
            value = None
        return default if value is None else value

    def words(self, key: str, value: Value) -> str:
        """Return a setting in words; ``value`` is what ``get`` has returned for it."""
        if key in self._entries:
            return f"{self.name}: {key} = {value}"
        is_set = key in self.translation.settings.values and key not in self.translation.settings.unread
        return f"{key} = {value}" if is_set else f"{key}, by default {value}"

    @property
    def _entries(self) -> Mapping[str, Any]:
        entries = self.translation.settings.values.get(self.name)
        return entries if isinstance(entries, dict) else {}


_IN_WORDS: Mapping[type[Value], str] = {str: "a text", int: "a whole number", float: "a number", bool: "True or False"}


def is_of(value: object, kind: type[Value]) -> bool:
    """Tell whether ``value`` may stand where a ``kind`` is wanted: a whole number is a number too, and True is none."""
    kinds = (int, float) if kind is float else (kind,)
    return isinstance(value, kinds) and (kind is bool or not isinstance(value, bool))
