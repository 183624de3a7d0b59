"""The recorder's switch for another process: wishes go to the desk, and how the recording stands comes back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from car.link.bulletin import Bulletin
from car.recording.control import RecorderControl
from car.recording.recorder import RecordingStatus
from hardware.clock import NS_PER_S, Clock

SILENT_NS = NS_PER_S
"""A desk that has said nothing for so long does not record."""
NO_ANSWER = "The desk does not answer. If it died, the car starts it again."


@dataclass(frozen=True, slots=True)
class Wishes:
    """What was asked of the recorder since the start of the drive: how often it was switched, and what is to be erased.

    ``erased_s`` adds up, so that no wish is lost when two come between two looks of the desk.
    """

    switches: int = 0
    on: bool = False
    erased_s: float = 0.0


class RemoteRecorder:
    """What the controls have of the desk's recorder; for any thread, none of which ever waits."""

    def __init__(self, wishes: Bulletin, notice: Bulletin, clock: Clock) -> None:
        self._bulletin = wishes
        self._notice = notice
        self._clock = clock
        self._wishes = _wishes(wishes.read())
        self._turn = threading.Lock()

    @property
    def status(self) -> RecordingStatus:
        """How the recording stands, as the desk said last; off, with the reason, while the desk is silent."""
        notice = self._notice.read()
        if not notice:
            return RecordingStatus()
        status = RecordingStatus(**notice["recording"])
        if self._clock.now_ns() - notice["time_ns"] > SILENT_NS:
            return replace(status, on=False, failure=NO_ANSWER)
        return status

    def switch_on(self) -> None:
        """Start a new session, unless one is being recorded."""
        self._wish(lambda wishes: replace(wishes, switches=wishes.switches + 1, on=True))

    def switch_off(self) -> None:
        """Close the session."""
        self._wish(lambda wishes: replace(wishes, switches=wishes.switches + 1, on=False))

    def erase(self, seconds: float) -> None:
        """Leave the latest ``seconds`` out of the session that is being recorded."""
        self._wish(lambda wishes: replace(wishes, erased_s=wishes.erased_s + seconds))

    def _wish(self, change: Callable[[Wishes], Wishes]) -> None:
        with self._turn:
            self._wishes = change(self._wishes)
            self._bulletin.post(asdict(self._wishes))


class WishReader:
    """Has the desk's recorder do what the controls wish; what a desk before this one has heard is done already."""

    def __init__(self, wishes: Bulletin, recorder: RecorderControl) -> None:
        self._bulletin = wishes
        self._recorder = recorder
        self._seen = _wishes(wishes.read())

    def poll(self) -> None:
        """Do what was wished for since the last call."""
        wishes, seen = _wishes(self._bulletin.read()), self._seen
        self._seen = wishes
        if wishes.erased_s > seen.erased_s:
            self._recorder.erase(wishes.erased_s - seen.erased_s)
        if wishes.switches > seen.switches:
            (self._recorder.switch_on if wishes.on else self._recorder.switch_off)()


def _wishes(content: dict[str, Any]) -> Wishes:
    return Wishes(**{field.name: content[field.name] for field in fields(Wishes) if field.name in content})
