"""What is done with several cars one after the other: a model brought to them, their sessions fetched."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from car.errors import KNOWN_ERRORS
from car.files import reason
from car.pilots.find import MODEL_SUFFIX, find_model
from car.remote.client import CarClient
from car.remote.keys import Key
from car.remote.pull import Pull
from car.remote.push import activate, pack, push


@dataclass(slots=True)
class Visit:
    """One car in its turn: how much of the errand is done there, 0 … 1, what is to be said of it, and what failed."""

    place: str
    done: float = 0.0
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    is_over: bool = False

    def tell(self, done: float) -> None:
        """Take note of how much of it is done."""
        self.done = done


Errand = Callable[[CarClient, Visit], None]
"""What is done with one car, and noted of it; it raises what ``car`` says in a sentence, or OSError."""


class Round:
    """An errand at each of several cars in turn, in a thread of its own; one that fails does not end the others'.

    >>> errands = Round("pull", [], lambda client, visit: None)
    >>> errands.run()
    >>> errands.is_over
    True
    """

    def __init__(self, what: str, keys: Sequence[Key], errand: Errand) -> None:
        self.what = what
        self.visits = [Visit(str(key.place)) for key in keys]
        self._keys = keys
        self._errand = errand
        self._thread = threading.Thread(target=self.run, name="errand", daemon=True)

    @property
    def is_over(self) -> bool:
        """True once every car had its turn."""
        return all(visit.is_over for visit in self.visits)

    def start(self) -> None:
        """Begin, in the background."""
        self._thread.start()

    def run(self) -> None:
        """Do the errand at each car."""
        for key, visit in zip(self._keys, self.visits, strict=True):
            self._visit(key, visit)

    def _visit(self, key: Key, visit: Visit) -> None:
        try:
            with CarClient.of(key) as client:
                self._errand(client, visit)
            visit.done = 1.0
        except KNOWN_ERRORS as error:
            visit.problems.append(str(error))
        except OSError as error:
            visit.problems.append(f"This laptop's disk refuses ({reason(error)}). Check it, and try again.")
        finally:
            visit.is_over = True


def bringing(model: str, car_dir: Path, *, activated: bool) -> Errand:
    """Return the errand of bringing ``model``, a file or a name in the car's folder; raises ModelError."""
    path = find_model(model, car_dir)
    parcel = pack(path, path.name.removesuffix(MODEL_SUFFIX))

    def bring(client: CarClient, visit: Visit) -> None:
        pushed = push(client, parcel, progress=visit.tell)
        visit.notes.append(f"It has {pushed.name}.")
        if pushed.why:
            visit.problems.append(pushed.why)
        if activated:
            visit.notes.append(f"{activate(client, pushed.name).name} drives now.")

    return bring


def fetching(sessions: Path) -> Errand:
    """Return the errand of fetching every session that is not in the folder ``sessions`` yet."""

    def fetch(client: CarClient, visit: Visit) -> None:
        pull = Pull(client, sessions)
        try:
            pull.run(visit.tell)
        finally:
            new = "1 new session" if len(pull.taken) == 1 else f"{len(pull.taken)} new sessions"
            visit.notes += [f"{new}; {pull.present} were here already.", *pull.notes]
            visit.problems += pull.missed

    return fetch
