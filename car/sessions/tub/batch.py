"""Imports and exports many at once: the good ones are done, the bad ones said, and all of it can be run again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from car.errors import CarError, TubError
from car.files import reason
from car.sessions.tub.exporter import export_into
from car.sessions.tub.importer import Progress, find_tubs, import_tub
from car.sessions.tub.known import known_records
from car.sessions.tub.names import free_session

Watch = Callable[[str], AbstractContextManager[Progress | None]]
"""Given what is being done, a context in which its progress can be shown."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one of many, in words; ``made`` is the session or tub that came of it, None if none did."""

    text: str
    failed: bool = False
    made: Path | None = None

    def __str__(self) -> str:
        return self.text


def import_tubs(
    paths: Iterable[Path],
    sessions_dir: Path,
    *,
    car: str = "",
    negate_throttle: bool = False,
    watch: Watch | None = None,
) -> Iterator[Result]:
    """Import the tubs in ``paths`` and their folders into ``sessions_dir``; yield what came of each.

    A session is called like its tub's folder, with a number where that name is taken. What an earlier call has brought
    in from the same folder is passed over, so that after more driving only what is new is taken. Nothing is raised for
    what a tub is like.
    """
    done: set[Path] = set()
    for path in paths:
        tubs, failures = _find(path)
        yield from failures
        for tub in tubs:
            if (origin := tub.resolve()) not in done:
                done.add(origin)
                with watch(f"importing {origin.name}") if watch else nullcontext() as progress:
                    result = import_one(
                        tub, origin, sessions_dir, car=car, negate_throttle=negate_throttle, progress=progress
                    )
                yield result


def export_sessions(paths: Iterable[Path], out_dir: Path) -> Iterator[Result]:
    """Export each of the sessions at ``paths`` as a tub in ``out_dir``; yield what came of each.

    A tub is called like its session, with a number where that name is taken. One that is there already, the same to the
    last edit, is not written again. Nothing is raised for what a session is like.
    """
    for path in paths:
        try:
            export = export_into(path, out_dir)
            yield Result(str(export), made=export.tub)
        except (CarError, OSError) as error:
            yield _failure(path, error)


def _find(path: Path) -> tuple[list[Path], list[Result]]:
    """Return the tubs in ``path``, and what could not be looked into."""
    failures: list[Result] = []
    try:
        return find_tubs(path, lambda folder, error: failures.append(_failure(folder, error))), failures
    except TubError as error:
        return [], failures or [_failure(path, error)]


def import_one(
    tub: Path,
    origin: Path,
    sessions_dir: Path,
    *,
    car: str = "",
    negate_throttle: bool = False,
    progress: Progress | None = None,
) -> Result:
    """Import the tub in the folder ``tub`` as ``import_tubs`` does, and return what came of it.

    ``origin`` is where it comes from, by which the next import knows it again; the session is called like its last
    part. Nothing is raised for what the tub is like.
    """
    try:
        with known_records(sessions_dir, origin) as known:
            path = free_session(sessions_dir, origin.name)
            report = import_tub(
                tub,
                path,
                car=car,
                negate_throttle=negate_throttle,
                origin=str(origin),
                known=known,
                progress=progress,
            )
    except (CarError, OSError) as error:
        return _failure(tub, error)
    return Result(str(report), made=path if report.imported else None)


def _failure(path: Path, error: CarError | OSError) -> Result:
    if isinstance(error, CarError):
        return Result(str(error), failed=True)
    return Result(f"{path} cannot be read ({reason(error)}). Check who may read it.", failed=True)
