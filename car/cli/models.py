"""``car models``: the pilots that a car has."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from car.cli.app import app
from car.cli.options import CarOption, ModelArgument, drive_command, find_car

if TYPE_CHECKING:
    from car.config.folder import CarFolder
    from car.pilots.library import ModelLibrary

models_app = typer.Typer(help="Pilot models: list, show, import, rename, delete.", no_args_is_help=True)
app.add_typer(models_app, name="models")

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The name of a model of this car's own.")]


@models_app.command("list")
def list_models(car: CarOption = None) -> None:
    """List the car's models and the pilots that ship."""
    from car.pilots.find import model_files
    from car.pilots.view import show_model_list

    show_model_list(model_files(find_car(car).path))


@models_app.command("show")
def show_model(model: ModelArgument, car: CarOption = None) -> None:
    """Show a model's card: what it learned from and how well it drives."""
    from car.pilots.check import check_model
    from car.pilots.find import find_model
    from models.errors import ModelError
    from models.loader import read_card

    path = find_model(model, find_car(car).path)
    if (card := read_card(path)) is not None:
        typer.echo(card.to_json())
        return
    check = check_model(path, str(path))
    if not check.donkey_type:
        raise ModelError(f"{path} has no model card. Train it with `car train` to get one.")
    typer.echo("\n".join([*check.warnings, f"It takes frames of {check.width}x{check.height}."]))


@models_app.command("import")
def import_model(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .tflite file, ours or Donkey Car's.")],
    name: Annotated[str | None, typer.Option("--name", help="What to call it here; default: as the file.")] = None,
    throttle_range: Annotated[
        float | None,
        typer.Option(
            "--throttle-range",
            min=0.05,
            max=1.0,
            help="MODEL_CATEGORICAL_MAX_THROTTLE_RANGE of a categorical pilot's training; default: 0.8.",
        ),
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Take the place of the model of that name.")] = False,
    car: CarOption = None,
) -> None:
    """Check a model and copy it to the car's own; a linear or categorical one of Donkey Car gets a card."""
    from car.pilots.importing import import_model as import_file

    name = _bare(name or file.name)
    library, now = _library(find_car(car)), datetime.now(UTC)
    check = import_file(library, file, name, now, throttle_range=throttle_range, replace=replace)
    if check.donkey_type:
        typer.echo(
            f"A {check.donkey_type} pilot of Donkey Car. It drives well only if it learned without TRANSFORMATIONS."
        )
    drive_it = drive_command(name, car)
    typer.echo(f"{name} takes frames of {check.width}x{check.height}. Drive with it: {drive_it}")


@models_app.command("rename")
def rename_model(
    old: NameArgument, new: Annotated[str, typer.Argument(metavar="NEW", help="Its new name.")], car: CarOption = None
) -> None:
    """Give a model another name; car.toml follows if it is the one that the car drives with."""
    from car.assembly.ownership import owning

    folder, old, new = find_car(car), _bare(old), _bare(new)
    library = _library(folder)
    with owning(folder.path, (), "car models rename"):
        library.rename(old, new)
        if old in library.meant_by(folder.config.pilot.model):
            _follow(folder, library, old, new)
    typer.echo(f"{old} is called {new} now.")


@models_app.command("delete")
def delete_model(name: NameArgument, car: CarOption = None) -> None:
    """Move a model to the trash, from where it can be restored."""
    from car.assembly.ownership import owning

    folder, name = find_car(car), _bare(name)
    library = _library(folder)
    with owning(folder.path, (), "car models delete"):
        trashed = library.delete(name, library.meant_by(folder.config.pilot.model))
    typer.echo(f"{name} is in the trash. Take it back with: car models restore {trashed}")


@models_app.command("restore")
def restore_model(name: NameArgument, car: CarOption = None) -> None:
    """Take a model back from the trash, models/.trash."""
    name = _bare(name)
    _library(find_car(car)).restore(name)
    typer.echo(f"{name} is back.")


def _library(folder: CarFolder) -> ModelLibrary:
    from car.pilots.library import ModelLibrary

    return ModelLibrary(folder.path, folder.config.camera.geometry)


def _bare(name: str) -> str:
    """Return a model's name as the library has it: who completes a file's name means the model in it."""
    from car.pilots.find import MODEL_SUFFIX

    return name.removesuffix(MODEL_SUFFIX)


def _follow(folder: CarFolder, library: ModelLibrary, old: str, new: str) -> None:
    """Have car.toml name the model that was ``old`` by its name ``new``; where that fails, it is ``old`` again."""
    from car.config.change import change_config
    from car.errors import ConfigError

    try:
        change_config(folder.config_path, {"pilot": {"model": library.setting(new)}})
    except ConfigError:
        library.rename(new, old)
        raise
