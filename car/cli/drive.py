"""Driving: the car itself, and what makes it ready."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from car.cli.app import app, fail
from car.cli.options import CarOption, LapsOption, ModelOption, find_car, open_pilot, say_default

if TYPE_CHECKING:
    from car.config.folder import CarFolder
    from car.kinds.pilot import Pilot


@app.command()
def init(folder: Annotated[Path, typer.Argument(help="The folder to make; its name is the car's.")]) -> None:
    """Make a car: a folder with car.toml, sessions/ and models/."""
    import shlex

    from car.config.folder import init_car

    init_car(folder)
    typer.echo(f"Made {folder}/car.toml. Drive it with: car drive --headless --car {shlex.quote(str(folder))}")


@app.command("import-config")
def import_config(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="A Donkey Car's myconfig.py; config.py first.")
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="The car's folder; default: this one.")
    ] = Path(),
    replace: Annotated[bool, typer.Option("--replace", help="Take the place of the car.toml that is there.")] = False,
) -> None:
    """Make a car.toml from a Donkey Car's myconfig.py, which is read and never run."""
    from car.assembly.ownership import owning
    from car.config.donkey.importer import import_config as import_files
    from car.config.donkey.view import lines_of

    # What drives or calibrates reads its car.toml again.
    with owning(out, (), "car import-config") if out.is_dir() else contextlib.nullcontext():
        imported = import_files(files, out, replace=replace)
    for line in lines_of(imported):
        typer.echo(line)


@app.command()
def drive(
    car: CarOption = None,
    model: ModelOption = None,
    laps: LapsOption = None,
    headless: Annotated[bool, typer.Option("--headless", help="Drive at once, with nobody at the controls.")] = False,
    record: Annotated[bool | None, typer.Option("--record/--no-record", help="Default: as car.toml says.")] = None,
    tls: Annotated[bool, typer.Option("--tls", help="Serve HTTPS with the car's own certificate.")] = False,
) -> None:
    """Drive the car from a page in the browser, or let a pilot drive it at once; Ctrl-C ends in neutral."""
    from car.processes.drive import drive as run_drive
    from car.processes.summary import DriveOptions

    folder = find_car(car)
    if tls:
        folder = folder.with_tls()
    _say_priority()
    _repair_unclosed(folder)
    records = folder.config.recording.enabled if record is None else record
    with _open_pilot(model, folder, headless=headless) as pilot:
        summary = run_drive(DriveOptions(folder, pilot, headless, laps, records))
    # Only now: the car does not wait for what writes tables.
    from car.processes.summary_view import show_drive

    show_drive(summary)
    raise typer.Exit(summary.exit_code)


@app.command()
def calibrate(car: CarOption = None) -> None:
    """Find the car's pulses with its wheels off the ground: centre, ends, neutral, and where it begins to move."""
    from car.processes.calibrate import calibrate as run_calibration

    folder = find_car(car)
    if not sys.stdout.isatty():
        fail("Calibration needs a terminal with keys. Run it in one, or use the page that `car drive` serves.")
    outcome, exit_code = run_calibration(folder)
    typer.echo(outcome)
    raise typer.Exit(exit_code)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def neutral(context: typer.Context) -> None:
    """Put every output of the car to neutral, even while a drive runs."""
    from car.neutral import main as run_neutral

    raise typer.Exit(run_neutral(context.args))


@app.command()
def doctor(
    car: CarOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Name what is wrong with the car and its machine, and the command that fixes it; exit code 1 for an error."""
    from car.config.folder import locate_car
    from car.doctor.examination import examine
    from car.doctor.view import examining, show_report
    from car.kinds.verdict import Level

    path, is_default = locate_car(car)
    if is_default:
        say_default(path)
    with examining(quiet=as_json) as progress:
        report = examine(path, progress=progress)
    if as_json:
        typer.echo(report.to_json())
    else:
        show_report(report)
    raise typer.Exit(1 if report.level is Level.ERROR else 0)


@app.command()
def latency(
    car: CarOption = None,
    gpio: Annotated[int, typer.Option("--gpio", min=0, max=27, help="The GPIO that the LED is on.")] = 26,
    blinks: Annotated[int, typer.Option("--blinks", min=20, max=1000, help="How often the LED changes.")] = 60,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Measure by an LED before the camera how long light takes to become a pulse at the wheels, which stand still."""
    from car.latency.command import measure_latency
    from car.latency.view import show_latency
    from car.terminal.progress import progress_bar

    folder = find_car(car)
    if as_json:
        typer.echo(measure_latency(folder, gpio, blinks).to_json())
        return
    with progress_bar("blinking") as progress:
        measured = measure_latency(folder, gpio, blinks, progress)
    show_latency(measured)


def _open_pilot(model: str | None, folder: CarFolder, *, headless: bool) -> Pilot:
    """Open the pilot; a car that is driven by hand needs none, and its driver is told why there is none.

    Raises ModelError, and whatever a kind of pilot says in words, where the pilot is what was asked for.
    """
    from car.errors import KNOWN_ERRORS
    from car.pilots.absent import AbsentPilot

    try:
        return open_pilot(model, folder, folder.config.camera.geometry)
    except KNOWN_ERRORS as error:
        if headless or model is not None:
            raise
        pilot = AbsentPilot(str(error))
    typer.secho(f"Without a pilot the car drives by hand, and records: assist and auto are off. {pilot.why}", err=True)
    return pilot


def _say_priority() -> None:
    """Say where a busy machine may end a drive, and the command that prevents it."""
    from hardware.realtime import GRANT_COMMAND, is_granted

    if sys.platform == "linux" and not is_granted():
        typer.secho(
            "Real-time priority is not granted: on a busy machine the drive may end early, wheels at neutral. "
            f"Grant it and log in again: {GRANT_COMMAND}",
            err=True,
            dim=True,
        )


def _repair_unclosed(folder: CarFolder) -> None:
    from car.sessions.repair import repair_unclosed

    for report in repair_unclosed(folder.sessions_dir):
        typer.echo(report)
