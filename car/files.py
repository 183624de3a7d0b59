"""What a recording needs of the disk: complete writes, durable ones, a lock, and atomic replacement."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import BinaryIO


class WholeWrites:
    """A file whose ``write`` has handed everything to the system when it returns.

    A buffered one keeps what a full disk refused, and fails once more, at a bad moment, when it is closed.
    """

    def __init__(self, raw: FileIO) -> None:
        self._raw = raw

    def write(self, data: bytes) -> int:
        """Write all of ``data``; raises OSError."""
        view = memoryview(data)
        while view:
            view = view[self._raw.write(view) :]
        return len(data)

    def tell(self) -> int:
        """Return the position in bytes."""
        return self._raw.tell()

    def flush(self) -> None:
        """Do nothing: there is no buffer."""


def sync_to_disk(descriptor: int) -> None:
    """Return when the file's data is on the disk; raises OSError."""
    getattr(os, "fdatasync", os.fsync)(descriptor)


def sync_folder(folder: Path) -> None:
    """Make the names in ``folder`` survive a power cut, where the system can."""
    if os.name == "posix":
        with contextlib.suppress(OSError):
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def lock(descriptor: int, *, shared: bool = False) -> bool:
    """Mark the open file as being written until it is closed; False when someone else already does.

    A ``shared`` lock keeps writers out, and bears others like itself.
    """
    if sys.platform == "win32":
        return True  # Nothing to do: a file that is open there cannot be replaced.
    import fcntl

    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # A file system without locks, such as some network shares, has to do without.
    return True


@contextlib.contextmanager
def locking(path: Path, *, shared: bool = False) -> Iterator[bool]:
    """Keep others from repairing ``path`` during the block; yields False when it is being written or repaired."""
    if sys.platform == "win32":
        yield True
        return
    # In turn with whoever creates it: a file that is there but not locked yet would pass for one that nobody writes.
    with taking_turns(path.parent):
        # A pipe of that name would have everybody who takes turns wait for somebody to write into it.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        ours = lock(descriptor, shared=shared)
    try:
        yield ours
    finally:
        os.close(descriptor)


def create_locked(path: Path) -> FileIO:
    """Create ``path``, locked from its first moment on until it is closed; raises OSError when it is there already."""
    with taking_turns(path.parent):
        file = FileIO(path, "x")
        lock(file.fileno())
    return file


@contextlib.contextmanager
def taking_turns(folder: Path) -> Iterator[None]:
    """Let one at a time of all processes and threads do the block for ``folder``, where the system can."""
    if sys.platform == "win32":
        yield
        return
    import fcntl

    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # A file system without locks has to do without.
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def alone(path: Path) -> Iterator[bool]:
    """Hold the file ``path``, made where it is not there, during the block; yields False while another program does."""
    with path.open("ab") as file:
        if sys.platform == "win32":
            import msvcrt

            try:
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            except OSError:
                yield False
                return
            yield True
        else:
            yield lock(file.fileno())


def is_locked(path: Path) -> bool:
    """Tell whether ``path`` is being written or repaired; raises OSError."""
    # Shared: two who ask at the same time must not take each other for a writer.
    with locking(path, shared=True) as ours:
        return not ours


@contextlib.contextmanager
def work_folder(parent: Path, kind: str) -> Iterator[Path]:
    """Make a folder in ``parent`` for what is not finished; it is gone when the block ends.

    Its name begins with ``kind`` and the number of this process. First ``remove_left`` removes those of the kind that
    nobody works in.
    """
    with contextlib.ExitStack() as held:
        # In turn with others: a folder that is there but not locked yet would pass for one that was left.
        with taking_turns(parent):
            _remove_left(parent, kind)
            folder = Path(tempfile.mkdtemp(dir=parent, prefix=f"{kind}{os.getpid()}-"))
            if sys.platform != "win32":
                descriptor = os.open(folder, os.O_RDONLY)
                held.callback(os.close, descriptor)
                lock(descriptor)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Make a folder that is called ``path`` once the block ends without an error; half of one never is.

    Where the block fails, or its process is killed, nothing of it stays; raises OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with work_folder(path.parent, f".{path.name}.tmp-") as unfinished:
        # Not that folder itself, which nobody else may look into.
        folder = unfinished / path.name
        folder.mkdir()
        yield folder
        folder.rename(path)


def remove_left(parent: Path, kind: str) -> None:
    """Remove the folders of ``work_folder`` in ``parent`` whose processes were killed; raises OSError.

    Each is locked while it is in use, and so a number of a process that is in use again saves no dead one.
    """
    with taking_turns(parent):
        _remove_left(parent, kind)


def _remove_left(parent: Path, kind: str) -> None:
    for folder in parent.glob(f"{kind}*"):
        if _is_left(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _is_left(folder: Path) -> bool:
    """Tell whether nobody works in ``folder`` any more; False where the system cannot say."""
    if sys.platform == "win32":
        return False
    import fcntl

    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def names(path: Path, descriptor: int) -> bool:
    """Tell whether ``path`` still is the open file, and has been neither deleted nor moved away."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except OSError:
        return False


def publish(temporary: Path, path: Path) -> None:
    """Give the finished file ``temporary`` its name, ``path``, when all of it is on the disk; raises OSError."""
    _sync(temporary)
    temporary.replace(path)
    sync_folder(path.parent)


def publish_new(temporary: Path, path: Path) -> None:
    """Do as ``publish``, but take nobody's place: raises FileExistsError when something has the name ``path``."""
    _sync(temporary)
    try:
        # A second name first: at no moment is there an empty file under the name, which a kill would leave behind.
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:  # A file system without links, such as a memory card's, has to do without.
        move_new(temporary, path)
        return
    temporary.unlink()
    sync_folder(path.parent)


def move_new(path: Path, target: Path) -> None:
    """Move ``path`` to ``target``; raises FileExistsError when something is there already, OSError otherwise."""
    # Claimed first: a rename alone takes the place of what another program has put there meanwhile.
    target.open("x").close()
    try:
        path.replace(target)
    except OSError:
        target.unlink(missing_ok=True)
        raise
    sync_folder(target.parent)
    sync_folder(path.parent)


def _sync(path: Path) -> None:
    with path.open("r+b") as file:
        os.fsync(file.fileno())


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file beside ``path`` that takes its place, durably, if the block ends well."""
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open("wb") as file:
            yield file
        publish(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def reason(error: OSError) -> str:
    """Return why a file could not be used, in the system's own words."""
    return error.strerror or str(error)
