"""The exam that pilots are compared by."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from car.cli.app import app, fail
from car.cli.options import (
    BOTH_ENGINES,
    CarOption,
    ClusterOption,
    WorkersOption,
    find_car,
    model_file,
    open_pilot,
)

if TYPE_CHECKING:
    from car.config.folder import CarFolder
    from training.exam.drive import Candidate


@app.command()
def exam(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MODEL]...", help="A .tflite file or a pilot's name, line-follower or straight-ahead too."
        ),
    ] = None,
    car: CarOption = None,
    level: Annotated[
        list[str] | None, typer.Option("--level", help="Only this level: home, hall or race; may be given twice.")
    ] = None,
    expert: Annotated[bool, typer.Option("--expert", help="The simulator's expert sits it too.")] = False,
    films: Annotated[
        Path | None, typer.Option("--films", metavar="DIR", help="Save films of the three worst drives there.")
    ] = None,
    save: Annotated[bool, typer.Option("--save", help="Write the result to the model's card.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print one Markdown table, the best first.")] = False,
    workers: WorkersOption = None,
    cluster: ClusterOption = None,
    on: Annotated[
        Path | None, typer.Option("--on", metavar="SESSION", help="Drive inside this recorded session instead.")
    ] = None,
) -> None:
    """Examine pilots: the same drives for everybody, in three levels, and one score from 0 to 100."""
    from training.exam import command

    if on is not None:
        if level or expert or films or save or markdown or workers or cluster is not None:
            fail("--on goes with models and --car only. Leave out the others.")
        _drive_in_session(models, on, find_car(car))
        return
    if cluster is not None and workers:
        fail(BOTH_ENGINES)
    levels = command.levels_named(level or [])
    if save and levels != command.levels_named([]):
        fail("A card keeps the result of all three levels. Leave out --level or --save.")
    folder = find_car(car)
    names = list(dict.fromkeys(models or ([] if expert else [folder.config.pilot.model])))
    files = {name: model_file(name, folder) for name in names}
    without_card = [name for name, path in files.items() if path is None]
    if save and (without_card or not names):
        fail(f"{(without_card or ['The expert'])[0]} is no model, and has no card to write to. Leave out --save.")
    candidates = [_candidate(name, folder) for name in names]
    if expert:
        candidates.append(_expert())
    command.check_results_can_be_kept([path for path in files.values() if save and path is not None], films)
    results = command.examine_and_show(
        candidates, folder.config, levels, workers=workers, cluster=cluster, markdown=markdown
    )
    for result in results:
        path = files.get(result.candidate.name)
        if save and path is not None:
            command.save_to_card(result, path, folder.config, shlex.join(["car", *sys.argv[1:]]))
    if films is not None:
        command.film_and_say(results, folder.config, films)


def _candidate(name: str, folder: CarFolder) -> Candidate:
    """Return the candidate that ``name`` means, after it has been opened once: what is wrong is said before it sits."""
    from car.pilots.choosing import choose_pilot
    from training.exam.drive import Candidate

    with open_pilot(name, folder, folder.config.camera.geometry):
        return Candidate(name, choose_pilot(name, folder.config.pilot, folder.path), folder.path)


def _drive_in_session(models: list[str] | None, session: Path, folder: CarFolder) -> None:
    """Let pilots drive inside a recorded session, its frames displaced to where they steer."""
    from training.exam.on_session_view import load_and_say, show_on_session

    path = load_and_say(session, folder.config.camera.geometry)
    for model in models or [folder.config.pilot.model]:
        with open_pilot(model, folder, path.camera) as pilot:
            show_on_session(pilot, path)


def _expert() -> Candidate:
    from training.exam.drive import Candidate

    return Candidate("expert", None)
