"""A user's car: a folder with ``car.toml``, ``sessions/`` and ``models/``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from car.config.plain import CONFIG_NAME, DEFAULT_CAR
from car.config.sections import CarConfig, load_config, template
from car.errors import ConfigError

TRACK_SUFFIX = ".json"
"""What a track's name ends in that is a file's, in the car's folder where nothing else is said."""


@dataclass(frozen=True, slots=True)
class CarFolder:
    """Where a car lives, and its configuration.

    >>> init_car(folder / "mycar")
    >>> car = open_car(folder / "mycar")
    >>> car.config.car.name, car.sessions_dir.name
    ('mycar', 'sessions')
    """

    path: Path
    config: CarConfig

    @property
    def config_path(self) -> Path:
        """The file that ``config`` was read from."""
        return self.path / CONFIG_NAME

    @property
    def sessions_dir(self) -> Path:
        """Where drives are recorded."""
        return self.path / "sessions"

    def with_tls(self) -> CarFolder:
        """Return the same car, its page served by HTTPS."""
        web = self.config.web.model_copy(update={"tls": True})
        return replace(self, config=self.config.model_copy(update={"web": web}))

    @property
    def models_dir(self) -> Path:
        """Where trained models go."""
        return self.path / "models"


def init_car(path: Path) -> None:
    """Make a car in ``path``; raises ConfigError when one is there already, or the folder cannot be made."""
    config_path = path / CONFIG_NAME
    try:
        make_folders(path)
        with config_path.open("x", encoding="utf-8") as file:
            file.write(template(path.resolve().name))
    except FileExistsError:
        raise ConfigError(f"There is a car in {path} already. Choose another name, or edit {config_path}.") from None
    except OSError as error:
        raise ConfigError(f"A car cannot be made in {path} ({error.strerror}). Choose a folder of your own.") from error


def make_folders(path: Path) -> None:
    """Make a car's folder and those in it, as far as they are not there; raises OSError."""
    for folder in (path / "sessions", path / "models"):
        folder.mkdir(parents=True, exist_ok=True)


def open_car(path: Path) -> CarFolder:
    """Open the car in ``path``; raises ConfigError when there is none or its ``car.toml`` is not right."""
    config = load_config(path / CONFIG_NAME)
    if config.drivetrain.timeline:
        # Named from the car's folder, so that `car neutral` finds it from anywhere.
        timeline = path.resolve() / config.drivetrain.timeline
        drivetrain = config.drivetrain.model_copy(update={"timeline": str(timeline)})
        config = config.model_copy(update={"drivetrain": drivetrain})
    if config.simulator.track.lower().endswith(TRACK_SUFFIX):
        track = path.resolve() / Path(config.simulator.track).expanduser()
        simulator = config.simulator.model_copy(update={"track": str(track.resolve())})
        config = config.model_copy(update={"simulator": simulator})
    return CarFolder(path, config)


def find_car(chosen: Path | None) -> tuple[CarFolder, bool]:
    """Open the car that ``locate_car`` finds; the second value is as there."""
    path, is_default = locate_car(chosen)
    return open_car(path), is_default


def locate_car(chosen: Path | None) -> tuple[Path, bool]:
    """Return the chosen car's folder, else this one, else the simulated one in ``mycar`` (made when missing).

    The second value tells whether that last resort was taken.
    """
    if chosen is not None:
        return chosen, False
    here = Path()
    try:
        if (here / CONFIG_NAME).exists():
            return here, False
        if not (here / DEFAULT_CAR / CONFIG_NAME).exists():
            init_car(here / DEFAULT_CAR)
    except PermissionError as error:
        raise ConfigError(f"This folder cannot be read ({error.strerror}). Name a car with --car.") from error
    return here / DEFAULT_CAR, True
