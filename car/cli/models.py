"""``car models``: the pilots that a car has."""

from __future__ import annotations

import typer

from car.cli.app import app
from car.cli.options import CarOption, ModelArgument, find_car

models_app = typer.Typer(help="Pilot models: list, show.", no_args_is_help=True)
app.add_typer(models_app, name="models")


@models_app.command("list")
def list_models(car: CarOption = None) -> None:
    """List the car's models and the pilots that ship."""
    from car.pilots.find import model_files
    from car.pilots.view import show_model_list

    show_model_list(model_files(find_car(car).path))


@models_app.command("show")
def show_model(model: ModelArgument, car: CarOption = None) -> None:
    """Show a model's card: what it learned from and how well it drives."""
    from car.pilots.find import find_model
    from models.contract import ModelError
    from models.loader import read_card

    path = find_model(model, find_car(car).path)
    card = read_card(path)
    if card is None:
        raise ModelError(f"{path} has no model card. Train it with `car train` to get one.")
    typer.echo(card.to_json())
