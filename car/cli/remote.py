"""A laptop and its cars: ``car pair-with``, ``car pull``, ``car push``, ``car rollback``, ``car sync``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from car.cli.app import app, fail
from car.cli.options import CarOption, find_car

if TYPE_CHECKING:
    from car.config.folder import CarFolder
    from car.remote.client import CarClient
    from car.remote.keys import KeyRing
    from car.remote.push import Activated

HostArgument = Annotated[
    str | None, typer.Argument(metavar="[HOST|all]", help="Which car; default: the only one that is paired.")
]
PatienceOption = Annotated[
    int, typer.Option("--timeout", min=1, max=3600, metavar="SECONDS", help="How long the car may be silent.")
]
PATIENCE_S = 15


@app.command("pair-with")
def pair_with(
    host: Annotated[str, typer.Argument(metavar="HOST", help="The car's name or address, and its port if need be.")],
    fingerprint: Annotated[
        str | None,
        typer.Option(
            "--fingerprint", metavar="SHA256", help="The certificate that the car must have; car pair has it."
        ),
    ] = None,
    forget: Annotated[bool, typer.Option("--forget", help="Revoke this laptop's pairing with that car.")] = False,
    timeout: PatienceOption = PATIENCE_S,
) -> None:
    """Pair this laptop with a car, once, by the code that `car pair` shows there; asked for, or read from a pipe."""
    from car.remote.keys import Place
    from car.remote.pairing import fingerprint_of, unpair
    from car.remote.pairing import pair_with as pair

    place = Place.of(host)
    if forget:
        for key in key_ring().find(host):
            unpair(key_ring(), key, patience_s=timeout)
            typer.echo(f"This laptop is not paired with {key.place} any more.")
        return
    seen = fingerprint_of(place, fingerprint, patience_s=timeout)
    if fingerprint is None:
        if not sys.stdin.isatty():
            fail("Nobody can compare the car's certificate. Give the one that `car pair` shows with --fingerprint.")
        typer.echo(f"{place} has the certificate with the SHA-256\n    {seen}")
        if not typer.confirm("Does `car pair` on the car show the same?"):
            fail("Nothing was sent. Somebody may be in between, or it is another car.")
    pair(key_ring(), place, seen, _ask_for_code(), patience_s=timeout)
    typer.echo(f"Paired with {place}. Fetch its sessions with `car pull`, bring it a model with `car push MODEL`.")


@app.command()
def pull(host: HostArgument = None, car: CarOption = None, timeout: PatienceOption = PATIENCE_S) -> None:
    """Fetch the sessions of a car that are not here yet; interrupted, it goes on with the same command."""
    folder = find_car(car)
    _at_each(host, timeout, lambda client: _pull(client, folder))


@app.command()
def sync(host: HostArgument = None, car: CarOption = None, timeout: PatienceOption = PATIENCE_S) -> None:
    """Do as `car pull`, and leave out on the car what was left out of its sessions here; models go by `car push`."""
    folder = find_car(car)
    _at_each(host, timeout, lambda client: _pull(client, folder, both_ways=True))


@app.command()
def push(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A .tflite file or a model's name.")],
    host: HostArgument = None,
    name: Annotated[str | None, typer.Option("--name", help="What to call it on the car; default: as here.")] = None,
    activate: Annotated[bool, typer.Option("--activate", help="Let it drive from the next frame on.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Also if it steers no better than a guess, or does not fit the car.")
    ] = False,
    car: CarOption = None,
    timeout: PatienceOption = PATIENCE_S,
) -> None:
    """Bring a model to a car, which tries it out first; models of the same name stay, and the new one gets a number."""
    from car.pilots.find import MODEL_SUFFIX, find_model
    from car.remote.push import activate as activate_there
    from car.remote.push import pack
    from car.remote.push import push as push_there
    from car.terminal.progress import progress_bar

    path = find_model(model, find_car(car).path)
    parcel = pack(path, (name or path.name).removesuffix(MODEL_SUFFIX), force=force)

    def bring(client: CarClient) -> bool:
        with progress_bar(f"to {client.place}") as progress:
            pushed = push_there(client, parcel, force=force, progress=progress)
        known = "" if pushed.name == parcel.name else f", since there is another {parcel.name}"
        typer.echo(f"{client.place} has it as {pushed.name}{known}.")
        if pushed.why:
            typer.secho(f"car: {pushed.name}: {pushed.why}", err=True, fg="yellow")
        if activate:
            _say_activated(client, activate_there(client, pushed.name))
        return True

    _at_each(host, timeout, bring)


@app.command()
def rollback(host: HostArgument = None, timeout: PatienceOption = PATIENCE_S) -> None:
    """Let the model drive on a car that drove there before the one that drives now."""
    from car.remote.push import roll_back

    def go_back(client: CarClient) -> bool:
        _say_activated(client, roll_back(client))
        return True

    _at_each(host, timeout, go_back)


def key_ring() -> KeyRing:
    """Return this user's keys to cars."""
    from car.remote.keys import KeyRing

    return KeyRing(Path(typer.get_app_dir("pocketpilot")) / "cars")


def _ask_for_code() -> str:
    """Return the code, from the terminal or from whoever pipes it in: never from what others see of a command."""
    asked = "The code behind the # that `car pair` shows"
    code = str(typer.prompt(asked) if sys.stdin.isatty() else sys.stdin.readline()).strip()
    return code or fail("There is no code. Run `car pair` on the car for one.")


def _at_each(host: str | None, patience_s: float, work: Callable[[CarClient], bool]) -> None:
    """Do ``work`` with each car that is meant; say what went wrong where, and fail at the end if anything did."""
    from car.errors import KNOWN_ERRORS
    from car.remote.client import CarClient

    keys = key_ring().find(host)
    failed = 0
    for key in keys:
        try:
            with CarClient.of(key, patience_s=patience_s) as client:
                failed += not work(client)
        except KNOWN_ERRORS as error:
            if len(keys) == 1:
                raise
            # What a car says of itself does not say which one it is.
            which = "" if str(key.place) in str(error) else f"{key.place}: "
            typer.secho(f"car: {which}{error}", err=True, fg="red")
            failed += 1
    if failed:
        raise typer.Exit(1)


def _pull(client: CarClient, folder: CarFolder, *, both_ways: bool = False) -> bool:
    from car.remote.pull import Pull
    from car.terminal.progress import progress_bar

    pull = Pull(client, folder.sessions_dir, both_ways)
    try:
        with progress_bar(f"from {client.place}") as progress:
            pull.run(progress)
    finally:
        for name in pull.taken:
            typer.echo(f"{client.place}: {name}")
        for note in pull.notes:
            typer.echo(f"{client.place}: {note}")
        for sentence in pull.missed:
            typer.secho(f"car: {sentence}", err=True, fg="red")
    typer.echo(
        f"{client.place}: {len(pull.taken)} new sessions, {pull.received_bytes / 1e6:.1f} MB; "
        f"{pull.present} were here already."
    )
    return not pull.missed


def _say_activated(client: CarClient, activated: Activated) -> None:
    before = f" Before, it was {activated.previous}: car rollback {client.place}" if activated.previous else ""
    typer.echo(f"{client.place}: {activated.name} drives now.{before}")
