"""Changes ``car.toml`` for its owner: comments and order stay, and a power cut leaves the old file or the new one."""

from __future__ import annotations

import errno
import os
import stat
import sys
import threading
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Table

from car.config.plain import CONFIG_ENCODING
from car.config.sections import check_config
from car.errors import ConfigError
from car.files import reason, replacing, taking_turns

Value = str | int | float | bool | date

_FULL = (errno.ENOSPC, errno.EDQUOT)

_turn = threading.Lock()


def change_config(path: Path, changes: Mapping[str, Mapping[str, Value]]) -> None:
    """Set keys of the ``car.toml`` at ``path``, by section; sections and keys that are not there yet are added.

    >>> from car.config.folder import init_car, open_car
    >>> init_car(folder / "mycar")
    >>> change_config(folder / "mycar" / "car.toml", {"pilot": {"model": "evening"}})
    >>> open_car(folder / "mycar").config.pilot.model
    'evening'

    What comes out is checked before it is written. Raises ConfigError, and leaves the file as it is, when that is not
    allowed or the file cannot be read or written.
    """
    # A link stays a link, to the file that it names.
    path = path.resolve()
    with _turn:
        try:
            with taking_turns(path.parent):
                _replace(path, _changed(path, changes))
        except OSError as error:
            advice = "Make room on its disk." if error.errno in _FULL else "Check who may write in its folder."
            raise ConfigError(f"{path} cannot be written ({reason(error)}). {advice}") from error


def _replace(path: Path, text: str) -> None:
    before = path.stat()
    # A file that takes another's place needs no right to write to that one.
    if not before.st_mode & stat.S_IWUSR:
        raise ConfigError(f"{path} is read-only. Allow changes with `chmod u+w {path}`.")
    with replacing(path) as file:
        file.write(text.encode())
        _give_to_owner(Path(file.name), before)


def _give_to_owner(path: Path, before: os.stat_result) -> None:
    """Give a file the rights that ``before`` had, and, where a root does this for somebody, the owner too."""
    path.chmod(before.st_mode)
    if sys.platform != "win32" and os.geteuid() == 0:
        os.chown(path, before.st_uid, before.st_gid)


def _changed(path: Path, changes: Mapping[str, Mapping[str, Value]]) -> str:
    try:
        # Not read_text, which would make Unix's line ends of Windows's.
        text = path.read_bytes().decode(CONFIG_ENCODING)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({reason(error)}). Make a car with `car init`.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}. Correct that line.") from error
    return changed_text(text, path, changes)


def changed_text(text: str, path: Path, changes: Mapping[str, Mapping[str, Value]]) -> str:
    """Return the content ``text`` of the ``car.toml`` at ``path`` with other values; raises as ``change_config``."""
    try:
        document = tomlkit.parse(text)
    except TOMLKitError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}. Correct that line.") from error
    for section, values in changes.items():
        table = document.setdefault(section, tomlkit.table())
        if not isinstance(table, Table):
            raise ConfigError(f"{path}: `{section}` is not a section. Write it as [{section}].")
        table.update(values)
    check_config(document.unwrap(), path)
    return tomlkit.dumps(document)
