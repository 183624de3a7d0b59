"""The models of a car, by name: listed with their cards, added once they were tried out, renamed and thrown away."""

from __future__ import annotations

import contextlib
import filecmp
import json
import os
import secrets
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from car.errors import ModelNameTaken, NoSuchModel
from car.files import move_new, publish, publish_new, reason
from car.pilots.check import ModelCheck, check_model
from car.pilots.find import MODEL_SUFFIX, find_model, model_files
from car.pilots.names import check_name, numbered
from hardware.camera import CameraGeometry
from models.contract import ModelCard
from models.errors import ModelError
from models.loader import read_card

PART_SUFFIX = ".part"
TRASH = ".trash"

_State = tuple[Path, int, int]
"""A file, when it was last written, and its size: one that was replaced is tried again."""


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A model in a list.

    ``fits`` tells whether this car can drive with it, ``why`` not; ``shipped`` that it came with Pocketpilot; ``card``
    is its card as JSON, None where it has none.
    """

    name: str
    bytes: int
    active: bool
    fits: bool
    why: str
    shipped: bool
    card: dict[str, Any] | None


class ModelLibrary:
    """The models in a car's folder, and those that ship; for any thread.

    ::

        library = ModelLibrary(car.path, car.config.camera.geometry)
        incoming = library.incoming("evening")
        incoming.write_bytes(content)
        library.accept(incoming, "evening")
        check = library.check("evening")

    A name is that of a file in the two folders, without its suffix; nothing else can be reached by one. The car's own
    model goes before one of the same name that ships.
    """

    def __init__(self, car_dir: Path, camera: CameraGeometry) -> None:
        self._car_dir = car_dir
        self._camera = camera
        self._turn = threading.Lock()
        self._checks: dict[_State, ModelCheck | ModelError] = {}

    def rows(self, active: str) -> list[ModelRow]:
        """Return all models; ``active`` is the name of the pilot that drives, which is its file's."""
        return [self._row(name, path, active) for name, path in self._files().items()]

    def row(self, name: str, active: str) -> ModelRow:
        """Return what a list shows of a model; raises NoSuchModel."""
        return self._row(name, self.path(name), active)

    def path(self, name: str) -> Path:
        """Return the file of a model; raises NoSuchModel."""
        path = self._files().get(name)
        if path is None:
            raise NoSuchModel(f"There is no model {name!r}. Choose one of: {', '.join(self._files())}.")
        return path

    def check(self, name: str) -> ModelCheck:
        """Return how the model did in a check; raises ModelError when it did not do well, or does not fit this car.

        Raises NoSuchModel when there is no such file.
        """
        path = self.path(name)
        _check_is_there(path)
        check = self._check(path)
        if isinstance(check, ModelError):
            raise check
        if (why := self._misfit(check.height, check.width)) is not None:
            raise ModelError(f"{name} {why}")
        return check

    def setting(self, name: str) -> str:
        """Return what ``car.toml`` has to say to mean this model."""
        return setting_of(self.path(name), self._car_dir)

    def meant_by(self, setting: str) -> set[str]:
        """Return the names of the models that ``setting`` in ``car.toml`` may mean, from whatever folder it is read."""
        names = {setting.removesuffix(MODEL_SUFFIX)}
        with contextlib.suppress(ModelError):
            meant = os.path.realpath(find_model(setting, self._car_dir))
            names |= {name for name, path in self._files().items() if os.path.realpath(path) == meant}
        return names

    def incoming(self, name: str, *, replace: bool = False) -> Path:
        """Return where a file may be written that is to become the model ``name``; see ``accept``.

        Raises ModelError when that is no name, ModelNameTaken when the car has a model of that name, unless that is to
        be replaced.
        """
        target = self.target(name, replace=replace)
        target.parent.mkdir(exist_ok=True)
        return target.with_name(f".{name}.{secrets.token_hex(4)}{PART_SUFFIX}")

    def accept(self, incoming: Path, name: str, *, replace: bool = False) -> None:
        """Make the file ``incoming`` the model ``name`` if a check goes well; raises ModelError and as ``incoming``."""
        check_model(incoming, name)
        try:
            with self._turn:
                (publish if replace else publish_new)(incoming, self.target(name, replace=replace))
        except FileExistsError as error:
            raise _taken(name) from error
        except OSError as error:
            raise ModelError(f"{name} cannot be written ({reason(error)}). Free some space on the disk.") from error

    def accept_version(self, incoming: Path, name: str, sha256: str, *, force: bool = False) -> str:
        """Keep the file ``incoming`` beside what the car has, as ``name``, or ``name-2``, ``name-3`` if that is taken.

        Return what it is called; where one of these is the same file, nothing is added. Raises ModelError when a check
        does not go well, its digest is another one, or, unless by ``force``, it does not fit this car.
        """
        check = check_model(incoming, name)
        if check.sha256 != sha256:
            raise ModelError(f"{name} was damaged on its way to the car. Send it again.")
        if not force and (why := self._misfit(check.height, check.width)) is not None:
            raise ModelError(f"{name} {why}")
        there = self._files()
        try:
            with self._turn:
                for target in numbered(self._folder / f"{name}{MODEL_SUFFIX}"):
                    check_name(target.stem)
                    meant = there.get(target.stem, target)
                    if meant.is_file() and filecmp.cmp(incoming, meant, shallow=False):
                        break
                    if meant.parent != self._folder:
                        continue  # It ships, and one of its name would take its place.
                    with contextlib.suppress(FileExistsError):
                        publish_new(incoming, target)
                        break
        except OSError as error:
            raise ModelError(f"{name} cannot be written ({reason(error)}). Free some space on the disk.") from error
        return target.stem

    def target(self, name: str, *, replace: bool = False) -> Path:
        """Return the file that a new model ``name`` becomes; raises as ``incoming``."""
        check_name(name)
        target = self._folder / f"{name}{MODEL_SUFFIX}"
        if os.path.lexists(target) and not replace:
            raise _taken(name)
        return target

    def rename(self, old: str, new: str, in_use: Iterable[str] = ()) -> None:
        """Call the model ``old`` ``new`` from now on; ``in_use`` names those that the car drives with, which stay.

        Raises NoSuchModel, ModelNameTaken, and ModelError when it is in use, ships, or cannot be moved.
        """
        self._move(self._own(old, in_use), new)

    def delete(self, name: str, in_use: Iterable[str] = ()) -> str:
        """Move the model ``name`` to the trash and return its name there; raises as ``rename``."""
        path = self._own(name, in_use)
        try:
            self._trash.mkdir(exist_ok=True)
            for target in numbered(self._trash / path.name):
                with contextlib.suppress(FileExistsError):
                    move_new(path, target)
                    break
        except OSError as error:
            raise _immovable(name, error) from error
        return target.stem

    def restore(self, name: str) -> None:
        """Take the model ``name`` back from the trash; raises NoSuchModel, and as ``rename``."""
        there = {path.stem: path for path in sorted(self._trash.glob(f"*{MODEL_SUFFIX}"))}
        if name not in there:
            raise NoSuchModel(f"There is no {name!r} in the trash. In it are: {', '.join(there) or 'no models'}.")
        self._move(there[name], name)

    def _move(self, path: Path, name: str) -> None:
        check_name(name)
        try:
            move_new(path, self._folder / f"{name}{MODEL_SUFFIX}")
        except FileExistsError as error:
            raise ModelNameTaken(f"There is a model {name} already. Rename that one, or delete it, first.") from error
        except OSError as error:
            raise _immovable(path.stem, error) from error

    @property
    def _folder(self) -> Path:
        return self._car_dir / "models"

    @property
    def _trash(self) -> Path:
        return self._folder / TRASH

    def _own(self, name: str, in_use: Iterable[str]) -> Path:
        """Return the file of a model that may be moved: the car's own, with which it does not drive."""
        path = self.path(name)
        if path.parent != self._folder:
            raise ModelError(f"{name} ships with Pocketpilot, and stays as it is. Choose a model of this car's own.")
        if name in in_use:
            raise ModelError(
                f"The car drives with {name}. First choose another on the models page, or in [pilot] of car.toml."
            )
        return path

    def _files(self) -> dict[str, Path]:
        """Return the file of each name, the car's own before those that ship."""
        files: dict[str, Path] = {}
        for path in model_files(self._car_dir):
            if not path.name.startswith("."):
                files.setdefault(path.stem, path)
        return files

    def _row(self, name: str, path: Path, active: str) -> ModelRow:
        card, why = self._read_card_of(path)
        return ModelRow(
            name=name,
            bytes=_size_of(path),
            active=path.name == active,
            fits=not why,
            why=why,
            shipped=path.parent != self._folder,
            card=None if card is None else json.loads(card.to_json()),
        )

    def _read_card_of(self, path: Path) -> tuple[ModelCard | None, str]:
        """Return a model's card, and in words why this car cannot drive with it, empty if it can.

        A card says enough for a list; a file without one has to be tried out. What a check has shown goes before both.
        """
        try:
            _check_is_there(path)
            card = read_card(path)
            check = self._check(path) if card is None else self._checks.get(_state_of(path))
        except (ModelError, NoSuchModel) as error:
            return None, str(error).removeprefix(f"{path}: ")
        if isinstance(check, ModelError):
            return card, str(check)
        shown = check or card
        why = None if shown is None else self._misfit(shown.height, shown.width)
        return card, f"It {why}" if why else ""

    def _misfit(self, height: int, width: int) -> str | None:
        camera = self._camera
        if (height, width) == (camera.height, camera.width):
            return None
        return (
            f"takes frames of {width}x{height}, this camera gives {camera.width}x{camera.height}. "
            "Set the camera to that size, or train a model for this one."
        )

    def _check(self, path: Path) -> ModelCheck | ModelError:
        state = _state_of(path)
        if state not in self._checks:
            try:
                self._checks[state] = check_model(path, path.stem)
            except ModelError as error:
                self._checks[state] = error
        return self._checks[state]


def setting_of(path: Path, car_dir: Path) -> str:
    """Return how the model in ``path`` is named where a pilot is asked for: by its name, if that means no other one."""
    with contextlib.suppress(ModelError):
        if find_model(path.stem, car_dir) == path:
            return path.stem
    return str(path)


def _taken(name: str) -> ModelNameTaken:
    return ModelNameTaken(f"There is a model {name} already. Give this one another name, or say to replace it.")


def _immovable(name: str, error: OSError) -> ModelError:
    return ModelError(f"{name} cannot be moved ({reason(error)}). Check who may write in its folder.")


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _check_is_there(path: Path) -> None:
    """Raise NoSuchModel when ``path`` is no file, such as a link to one that was moved away."""
    try:
        if path.is_file():
            return
    except OSError as error:
        raise NoSuchModel(f"It cannot be read ({reason(error)}). Delete it, or put the file there.") from error
    what = "a link to a file that is not there" if path.is_symlink() else "not a file"
    raise NoSuchModel(f"It is {what}. Put the file there, or delete it.")


def _state_of(path: Path) -> _State:
    try:
        status = path.stat()
    except OSError as error:
        raise NoSuchModel(f"{path.stem} is not there any more. Reload the list of models.") from error
    return path, status.st_mtime_ns, status.st_size
