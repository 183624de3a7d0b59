"""The network: who may drive from it, and which cars are in it."""

from __future__ import annotations

from typing import Annotated

import typer

from car.cli.app import app, fail
from car.cli.options import CarOption, find_car


@app.command()
def pair(
    car: CarOption = None,
    forget: Annotated[bool, typer.Option("--forget", help="Revoke every browser's and laptop's pairing.")] = False,
    who: Annotated[bool, typer.Option("--list", help="List the browsers and laptops that are paired.")] = False,
    revoke: Annotated[
        str | None, typer.Option("--revoke", metavar="NUMBER", help="Revoke the pairing with this number of the list.")
    ] = None,
) -> None:
    """Let a phone, a laptop or another machine drive the car: print an address and a code that work once."""
    from car.pairing.command import pair as run_pair
    from car.pairing.store import AccessStore
    from hardware.clock import SystemClock

    folder = find_car(car)
    if forget:
        AccessStore(folder.path, SystemClock()).forget_all()
        typer.echo("No browser is paired any more, and the network cannot reach the car.")
        return
    if who or revoke is not None:
        store = AccessStore(folder.path, SystemClock())
        if revoke is not None and not store.revoke(revoke):
            fail(f"No browser has the number {revoke}. Look it up: car pair --list")
        for browser in store.browsers():
            typer.echo(f"{browser.number}  {browser.name or 'browser'}")
        return
    for line in run_pair(folder):
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
