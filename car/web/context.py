"""What the pages' server works with: everything that the desk has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from starlette.requests import HTTPConnection

from car.config.folder import CarFolder
from car.config.sections import CarConfig
from car.controls.hub import DriverHub
from car.link.pilot_switch import PilotSwitch
from car.link.ring import CycleRing
from car.recording.control import RecorderControl
from hardware.clock import Clock
from hardware.health import Health

BROWSER = "browser"
"""What the seats of browsers are called."""


@dataclass(frozen=True, slots=True)
class WebContext:
    """The car whose pages are served, and the desk's parts that they use; ``health`` tells how the machine is."""

    folder: CarFolder
    pilots: PilotSwitch
    ring: CycleRing
    hub: DriverHub
    recorder: RecorderControl
    clock: Clock
    health: Callable[[], Health] = lambda: Health(None, None)

    @property
    def config(self) -> CarConfig:
        """The car's configuration."""
        return self.folder.config

    @property
    def pilot(self) -> str:
        """The name of the pilot that drives now."""
        return self.pilots.name


def context_of(connection: HTTPConnection) -> WebContext:
    """Return the context of a request or a socket; for ``Depends``."""
    return cast(WebContext, connection.app.state.context)
