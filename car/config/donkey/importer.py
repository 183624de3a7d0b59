"""Writes the ``car.toml`` of a car that was a Donkey Car."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from car.config.change import changed_text
from car.config.donkey.counterparts import translate
from car.config.donkey.settings import read_settings
from car.config.donkey.translation import Translation
from car.config.folder import make_folders
from car.config.plain import CONFIG_NAME
from car.config.sections import CarConfig, template
from car.errors import ConfigError
from car.files import publish_new, reason, replacing

HEADING = "# A Pocketpilot car that was a Donkey Car: made by `car import-config`, see docs/from-donkey.md."


@dataclass(frozen=True, slots=True)
class Imported:
    """The ``car.toml`` that was written, and what became of each setting."""

    path: Path
    translation: Translation


def import_config(files: Sequence[Path], folder: Path, *, replace: bool = False) -> Imported:
    """Write the ``car.toml`` of the car in ``folder`` from a Donkey Car's Python ``files``; later ones go before.

    >>> _ = (folder / "myconfig.py").write_text("IMAGE_W = 160")
    >>> import_config([folder / "myconfig.py"], folder / "mycar").translation.changes()["camera"]["width"]
    160

    The calibration has no date: the car does not arm before somebody has looked at it with `car calibrate`. Raises
    ConfigError, and writes nothing, when a file cannot be read, says nothing that is known here or something that is
    not possible, or when a car is in ``folder`` already and is not to be replaced.
    """
    path = folder / CONFIG_NAME
    if path.exists() and not replace:
        raise ConfigError(f"There is a car in {folder} already. Choose another folder with --out, or say --replace.")
    translation = translate(read_settings(files))
    names = " and ".join(str(file) for file in files)
    if not translation.used:
        raise ConfigError(
            f"{names} sets nothing that is known here of a Donkey Car. Give the car's config.py as well, first: "
            "car import-config config.py myconfig.py"
        )
    _check(translation, names)
    _, _, defaults = template(folder.resolve().name).partition("\n")
    text = changed_text(f"{HEADING}\n{defaults}", path, translation.changes())
    _write(path, text, replace=replace)
    return Imported(path, translation)


def _check(translation: Translation, names: str) -> None:
    """Raise ConfigError, in the words of the Donkey Car, for what no ``car.toml`` may say."""
    try:
        CarConfig.model_validate(translation.changes())
    except ValidationError as error:
        finding = error.errors(include_url=False)[0]
        section, *keys = (str(part) for part in finding["loc"])
        taken = [one for one in translation.taken if one.section == section and one.key in (keys or [one.key])]
        became = f" (here {taken[0].value})" if keys and taken else ""
        why = finding["msg"].removeprefix("Value error, ")
        settings = "; ".join(dict.fromkeys(one.setting for one in taken))
        raise ConfigError(
            f"{names}: {settings}{became} is not possible here: {why}. Correct that, or take it out and set "
            f"[{section}] in car.toml by hand."
        ) from None


def _write(path: Path, text: str, *, replace: bool) -> None:
    temporary = path.with_name(f".{path.name}.new")
    try:
        make_folders(path.parent)
        if replace:
            # A link stays a link, to the file that it names.
            with replacing(path.resolve()) as file:
                file.write(text.encode())
            return
        try:
            temporary.write_bytes(text.encode())
            publish_new(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except FileExistsError:
        raise ConfigError(f"{path} or its folder is there already. Choose another folder with --out.") from None
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be written ({reason(error)}). Choose a folder of your own with --out."
        ) from error
