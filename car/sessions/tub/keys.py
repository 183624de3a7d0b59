"""Which of a tub's keys are the image, the steering and the throttle: templates of Donkey Car name them differently."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any

IMAGE_TYPE = "image_array"
MODE = "user/mode"

_IMAGES = ("cam/image_array",)
_STEERING = ("user/angle", "user/steering", "angle", "steering")
_THROTTLE = ("user/throttle", "throttle")
_PILOT_STEERING = ("pilot/angle", "pilot/steering")
_PILOT = "pilot/"


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of a tub's records; empty where nothing has told them yet."""

    image: str = _IMAGES[0]
    steering: str = ""
    throttle: str = ""
    pilot_steering: str = _PILOT_STEERING[0]
    pilot_throttle: str = "pilot/throttle"

    @classmethod
    def listed(cls, inputs: Any, types: Any) -> Keys:
        """Return the keys that a manifest lists, whatever its two lists of ``inputs`` and ``types`` really are."""
        if not (isinstance(inputs, list) and isinstance(types, list)):
            return cls()
        names = [str(name) for name in inputs]
        images = [name for name, kind in zip(names, types, strict=False) if kind == IMAGE_TYPE]
        image = _first(_IMAGES, images) or next(iter(images), _IMAGES[0])
        return replace(cls(), image=image).completed(name for name in names if name not in images)

    @property
    def are_complete(self) -> bool:
        """Whether it is known which keys are the driver's command."""
        return bool(self.steering and self.throttle)

    def completed(self, names: Iterable[str]) -> Keys:
        """Return these keys, with those that are not known yet looked for among ``names``."""
        known = set(names)
        return replace(
            self,
            steering=self.steering or _named(known, _STEERING),
            throttle=self.throttle or _named(known, _THROTTLE),
            pilot_steering=_first(_PILOT_STEERING, known) or self.pilot_steering,
        )

    def used(self) -> set[str]:
        """Return all the keys that a session has a place for."""
        return {self.image, self.steering, self.throttle, self.pilot_steering, self.pilot_throttle, MODE}


def _named(names: Collection[str], known: tuple[str, ...]) -> str:
    """Return the name that is ``known``, else the only one that ends like one of those and is not the pilot's."""
    last_parts = {name.rpartition("/")[2] for name in known}
    alike = [name for name in names if name.rpartition("/")[2] in last_parts and not name.startswith(_PILOT)]
    return _first(known, names) or (alike[0] if len(alike) == 1 else "")


def _first(wanted: tuple[str, ...], names: Collection[str]) -> str:
    return next((name for name in wanted if name in names), "")
