"""Imports an archive of tubs in a process of its own: bounded in memory and time, and out of the driver's way."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from car.elsewhere import NoAnswer, answer, run_elsewhere
from car.errors import CarError, SessionBusy, TubError
from car.files import reason
from car.sessions.tub.archive import unpack
from car.sessions.tub.batch import Result, import_one
from car.sessions.tub.importer import find_tubs

MAX_ARCHIVE_BYTES = 2_000_000_000
MAX_UNPACKED_BYTES = 4_000_000_000
MAX_MEMORY_BYTES = 1_000_000_000
TIMEOUT_S = 900
LOWEST_NICENESS = 19

_PREFIX = ".import-"
_busy = threading.Lock()


@dataclass(frozen=True, slots=True)
class Import:
    """The sessions that came of an archive, and in words what was in its tubs and what was wrong with them."""

    names: list[str]
    report: str


@contextlib.contextmanager
def workshop(sessions_dir: Path) -> Iterator[Path]:
    """Yield a folder for one import, which is removed at the end; raises SessionBusy while there is another one."""
    if not _busy.acquire(blocking=False):
        raise SessionBusy("Another tub is being imported. Wait until that is done.")
    try:
        sessions_dir.mkdir(exist_ok=True)
        for left_behind in sessions_dir.glob(f"{_PREFIX}*"):
            shutil.rmtree(left_behind, ignore_errors=True)
        with tempfile.TemporaryDirectory(dir=sessions_dir, prefix=_PREFIX, ignore_cleanup_errors=True) as folder:
            yield Path(folder)
    finally:
        _busy.release()


def import_archive(archive: Path, sessions_dir: Path, name: str, car: str, min_free_bytes: int) -> Import:
    """Import every tub in ``archive``, a file in a ``workshop``, into ``sessions_dir``.

    A tub that is not in a folder of its own is called ``name``. What an earlier archive has brought in of a tub of the
    same name is passed over. Raises TubError with what is wrong with the archive.
    """
    room = (shutil.disk_usage(archive.parent).free - min_free_bytes) // 2
    job = {
        "archive": str(archive),
        "folder": str(archive.parent / "unpacked"),
        "sessions_dir": str(sessions_dir),
        "name": name,
        "car": car,
        "max_bytes": max(0, min(MAX_UNPACKED_BYTES, room)),
    }
    try:
        done = run_elsewhere("car.sessions.tub.upload", json.dumps(job), TIMEOUT_S)
    except TimeoutError as error:
        raise TubError(f"The import took more than {TIMEOUT_S // 60} minutes. Pack fewer tubs into one.") from error
    except NoAnswer as error:
        raise TubError("The archive cannot be read: it takes too much memory. Pack it again.") from error
    if "error" in done:
        raise TubError(done["error"])
    return Import(done["names"], done["report"])


def _import_here(
    archive: str, folder: str, sessions_dir: str, name: str, car: str, max_bytes: int
) -> dict[str, object]:
    root = Path(folder)
    root.mkdir()
    try:
        unpack(Path(archive), root, max_bytes)
        results = [_import_one(tub, root, Path(sessions_dir), name, car) for tub in find_tubs(root)]
    except CarError as error:
        return {"error": _without(root, error)}
    except OSError as error:
        return {"error": f"The car's disk refuses ({reason(error)}). Delete old sessions, and empty the trash."}
    reports = [_without(root, result) for result in results]
    if all(result.failed for result in results):
        return {"error": " ".join(reports)}
    return asdict(Import([result.made.stem for result in results if result.made], "\n".join(reports)))


def _import_one(tub: Path, root: Path, sessions_dir: Path, name: str, car: str) -> Result:
    # Of where the tub lay before it was packed, its name is all that is known.
    return import_one(tub, Path(name if tub == root else tub.name), sessions_dir, car=car)


def _without(root: Path, said: object) -> str:
    """Return what an error or a report says, without the name of a folder that nobody knows."""
    return str(said).replace(f"{root}/", "").replace(str(root), "the archive")


def _be_modest() -> None:
    """Leave memory to the recorder, and processors to whoever drives."""
    if hasattr(os, "nice"):
        os.nice(LOWEST_NICENESS)
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))


if __name__ == "__main__":
    _be_modest()
    answer(_import_here(**json.loads(sys.argv[1])))
