"""The gamepads that are plugged in or paired, and why one of them is left alone."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from car.controls.layout import Inputs, UnknownLayout, find_layout
from car.controls.local import Refusal
from car.controls.pad import Pad
from car.controls.sdl_table import Ask, KnownPads, NoTable, ask_sdl

Stamp = tuple[int, int]
OTHER_MODE = "Switch the pad to its Xbox mode, or describe it to SDL in SDL_GAMECONTROLLERCONFIG: docs/gamepad.md"


class PadSearch:
    """Looks for pads again and again, and opens a device that is none only once.

    ::

        search = PadSearch(evdev)
        for pad in search.look():
            ...
        search.refusals     # what else looks like a pad

    Opening a device may take a while: look from a thread that may wait.
    """

    def __init__(self, evdev: Any, ask: Ask = ask_sdl, root: Path | None = None) -> None:
        self._evdev = evdev
        self._root = root
        self._known = KnownPads(ask)
        self._taken: set[str] = set()
        self._judged: dict[str, tuple[Stamp | None, Refusal | None]] = {}

    @property
    def refusals(self) -> list[Refusal]:
        """Why each pad that was found the last time was left alone; also of those that this user may not open.

        The latter only where it was told below which ``root`` the machine's files are.
        """
        forbidden = [] if self._root is None else forbidden_pads(self._root, _may_use)
        return [*(refusal for _, refusal in self._judged.values() if refusal is not None), *forbidden]

    def look(self) -> list[Pad]:
        """Return the pads that are new, opened."""
        paths = self._evdev.list_devices()
        self._judged = {path: verdict for path, verdict in self._judged.items() if path in paths}
        found = []
        for path in paths:
            if path not in self._taken and self._judged.get(path, (None,))[0] != _stamp(path):
                # It may be unplugged while it is looked at.
                with contextlib.suppress(OSError):
                    if (pad := self._open(path)) is not None:
                        self._taken.add(path)
                        found.append(pad)
        return found

    def forget(self, path: str) -> None:
        """Look at what is at ``path`` as at something new; called once its pad is gone."""
        self._taken.discard(path)

    def refuse(self, path: str, refusal: Refusal) -> None:
        """Leave what is at ``path`` alone until it is plugged in again."""
        self._judged[path] = _stamp(path), refusal
        self.forget(path)

    def _open(self, path: str) -> Pad | None:
        stamp = _stamp(path)
        device = self._evdev.InputDevice(path)
        try:
            inputs = Inputs.of(device)
            verdict = self._judge(inputs, device) if inputs.is_pad else None
        except BaseException:
            device.close()
            raise
        if isinstance(verdict, Pad):
            self._judged.pop(path, None)
            return verdict
        device.close()
        self._judged[path] = stamp if verdict is None or verdict.is_final else None, verdict
        return None

    def _judge(self, inputs: Inputs, device: Any) -> Pad | Refusal:
        missing: NoTable | None = None
        line = None
        try:
            line = self._known.line(inputs.guid)
        except NoTable as problem:
            missing = problem
        try:
            return Pad(device, find_layout(inputs, line))
        except UnknownLayout as problem:
            if missing is None:
                return Refusal(f"{inputs.name} cannot drive: {problem}.", OTHER_MODE)
            text = f"{inputs.name} cannot drive: {problem}, and {missing}."
            # A table that does not answer may do so the next time; one that is not installed has a fix.
            return Refusal(text, missing.fix or OTHER_MODE, is_final=bool(missing.fix))


def _stamp(path: str) -> Stamp:
    """Return what changes when another device is at ``path``, or other people may use it."""
    with contextlib.suppress(OSError):
        state = Path(path).stat()
        return state.st_ctime_ns, state.st_mode
    return 0, 0


def pads_on(root: Path) -> Iterator[tuple[str, str]]:
    """Yield each pad that the kernel has, on the machine below ``root``: its name, and its device's in /dev/input."""
    for joystick in sorted(root.glob("sys/class/input/event*/device/js*")):
        event = joystick.parent.parent.name
        if (root / "dev/input" / event).exists():
            yield _text(joystick.parent / "name") or "A gamepad", event


def forbidden_pads(root: Path, may_use: Callable[[Path], bool], user: str = "$USER") -> Iterator[Refusal]:
    """Yield each pad on the machine below ``root`` whose device this user may not open; evdev does not even list it."""
    for name, event in pads_on(root):
        if not may_use(root / "dev/input" / event):
            text = f"{name} cannot drive: this user may not use /dev/input/{event}."
            yield Refusal(text, f"sudo usermod -aG input {user} && sudo reboot")


def _text(path: Path) -> str:
    with contextlib.suppress(OSError):
        return path.read_text(encoding="utf-8", errors="replace").strip()
    return ""


def _may_use(path: Path) -> bool:
    return os.access(path, os.R_OK | os.W_OK)
