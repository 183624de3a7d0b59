"""The network: who may drive from it, and which cars are in it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from car.cli.app import app, fail
from car.cli.options import CarOption, find_car
from car.pairing.roles import Role

CODE_MINUTES, MAX_CODE_MINUTES = 10, 24 * 60
SHEET = Path("pairing-codes.html")


@app.command()
def pair(
    car: CarOption = None,
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="Who comes with the code; several names' are valid at once.")
    ] = "",
    role: Annotated[
        Role | None,
        typer.Option("--role", help="What they may do: watch and stop, drive, or own, which is everything."),
    ] = None,
    minutes: Annotated[
        int, typer.Option("--minutes", min=1, max=MAX_CODE_MINUTES, help="How long the code is valid.")
    ] = CODE_MINUTES,
    names: Annotated[
        Path | None,
        typer.Option("--sheet", metavar="NAMES.TXT", help="Make a page to print, with a code for each line's name."),
    ] = None,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to write the page of --sheet.")] = SHEET,
    forget: Annotated[bool, typer.Option("--forget", help="Revoke every browser's and laptop's pairing.")] = False,
    who: Annotated[bool, typer.Option("--list", help="List who is paired, and who has an unused code.")] = False,
    revoke: Annotated[
        str | None, typer.Option("--revoke", metavar="NUMBER|NAME", help="Revoke a number of the list, or a name.")
    ] = None,
) -> None:
    """Let a phone, a laptop or another machine drive the car: print an address and a code that work once."""
    from car.pairing.command import pair as run_pair
    from car.pairing.command import pair_class
    from car.pairing.sheet import read_names
    from car.pairing.store import AccessStore, Guest
    from hardware.clock import SystemClock

    folder = find_car(car)
    store = AccessStore(folder.path, SystemClock())
    if forget:
        store.forget_all()
        typer.echo("No browser is paired any more, and the network cannot reach the car.")
        return
    if who or revoke is not None:
        if revoke is not None and not (store.revoke(revoke) or store.revoke_name(revoke)):
            fail(f"Nobody has the number or the name {revoke}. Look it up: car pair --list")
        for browser in store.browsers():
            typer.echo(f"{browser.number}  {browser.role:<5}  {browser.name or 'browser'}")
        for guest in store.waiting():
            typer.echo(f"{'unused':<8}  {guest.role:<5}  {guest.name or 'a code without a name'}")
        return
    if names is not None and name:
        fail("A sheet has its names from its file. Leave --name out, or --sheet.")
    if names is not None:
        lines = pair_class(folder, read_names(names, role or Role.DRIVE), minutes, out)
    else:
        # Whoever is named is a guest; a code for nobody in particular is the owner's own.
        lines = run_pair(folder, Guest(name.strip(), role or (Role.DRIVE if name else Role.OWN)), minutes)
    for line in lines:
        typer.echo(line)


@app.command()
def find(
    seconds: Annotated[float, typer.Option("--seconds", min=0.5, max=60, help="How long to listen.")] = 3.0,
) -> None:
    """Find the cars in this network that have a paired browser."""
    from car.pairing.announcement import find_cars

    try:
        cars = find_cars(seconds)
    except OSError as error:
        fail(f"There is no network to look in ({error.strerror}). Connect to the car's network.")
    for car in cars:
        typer.echo(f"{car.name}  {car.url}")
    if not cars:
        fail("No car answers. Run `car drive` and `car pair` on the car, and join its network.")
