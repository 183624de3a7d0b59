"""Another pilot for a car that drives: the desk asks for it, the drive process loads it and activates it.

Pipes carry a line of JSON each way, and nothing else: the desk works for people in the network, and what it says is not
to be unpickled where the wheels are.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext
from pathlib import Path
from typing import Any

from car.kinds.pilot import Pilot
from car.pilots.absent import AbsentPilot
from car.pilots.active import ActivePilot
from models.errors import ModelError

ANSWER_TIMEOUT_S = 20.0
POLL_S = 0.1
"""How long the end may have to wait: where the wheels cannot be put to neutral, the guard allows 200 ms for it all."""
END_TIMEOUT_S = 1.0


class PilotLink:
    """The pipe between the desk and the drive process; hand it to a process when it is started."""

    def __init__(self, context: SpawnContext) -> None:
        desk_end, drive_end = context.Pipe()
        self.desk_end: Connection = desk_end
        self.drive_end: Connection = drive_end


class PilotSwitch:
    """The desk's side: says which pilot drives, and has another one drive.

    ``name`` is the pilot's that drives, ``previous`` that of the one before, empty where there is none; ``told`` hears
    of each new one. It may be used from any thread.
    """

    def __init__(self, link: PilotLink, name: str, told: Callable[[str], None] = lambda _: None) -> None:
        self.name = name
        self.previous = ""
        self._told = told
        self._pipe = link.desk_end
        self._turn = threading.Lock()
        self._asked = 0

    def activate(self, path: Path, sha256: str) -> None:
        """Have the model in ``path``, which was tried out when its hash was ``sha256``, drive from now on.

        Returns when it does. Raises ModelError when the drive process could not load it; the one before drives on then.
        """
        with self._turn:
            self._asked += 1
            self._send({"number": self._asked, "path": str(path.resolve()), "sha256": sha256})
            answer = self._answer()
            if answer["error"]:
                raise ModelError(answer["error"])
            if path.name != self.name:
                self.previous, self.name = "" if self.name == AbsentPilot.name else self.name, path.name
            self._told(self.name)

    def _send(self, request: dict[str, Any]) -> None:
        try:
            self._pipe.send_bytes(json.dumps(request).encode())
        except OSError as error:
            raise ModelError("The drive has ended. Start it again with `car drive`.") from error

    def _answer(self) -> dict[str, Any]:
        try:
            while self._pipe.poll(ANSWER_TIMEOUT_S):
                answer: dict[str, Any] = json.loads(self._pipe.recv_bytes())
                # One to a question that nobody waited for long enough is passed over.
                if answer["number"] == self._asked:
                    return answer
        except (OSError, EOFError) as error:
            raise ModelError("The drive has ended. Start it again with `car drive`.") from error
        raise ModelError("The drive did not load the model in time. Look at its terminal, and try again.")


Loader = Callable[[Path, str], Pilot]
"""Returns the pilot in a file with a SHA-256, ready to drive; raises ModelError."""


@contextlib.contextmanager
def activating(link: PilotLink, pilot: ActivePilot, load: Loader) -> Iterator[None]:
    """Activate in ``pilot`` whatever the desk asks for, until the ``with`` block ends."""
    ended = threading.Event()
    thread = threading.Thread(target=_activate, args=(link.drive_end, pilot, load, ended), name="pilots", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(END_TIMEOUT_S)


def _activate(pipe: Connection, pilot: ActivePilot, load: Loader, ended: threading.Event) -> None:
    with contextlib.suppress(OSError, EOFError):
        while not ended.is_set():
            if pipe.poll(POLL_S):
                pipe.send_bytes(json.dumps(_answer_to(pipe.recv_bytes(), pilot, load)).encode())


def _answer_to(request: bytes, pilot: ActivePilot, load: Loader) -> dict[str, Any]:
    number = 0
    try:
        asked = json.loads(request)
        number = asked["number"]
        pilot.activate(load(Path(asked["path"]), asked["sha256"]))
    except ModelError as error:
        return {"number": number, "error": str(error)}
    except Exception as error:  # noqa: BLE001 - whatever a runtime raises here, the pilot that drives goes on driving
        return {"number": number, "error": f"The model could not be loaded ({error!r}). Export it again."}
    return {"number": number, "error": ""}
