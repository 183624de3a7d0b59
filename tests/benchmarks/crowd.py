"""A hundred browsers that come and vanish for a minute: what they leave behind in the desk process."""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks.figures import Figure, show
from tests.system.browser import Browser
from tests.system.crowd import SETTLE_S, footprint, visit
from tests.system.link_loss import timeline_car

CLIENTS, SECONDS, WARM_UP_S = 100, 60.0, 5.0


def measure() -> None:
    """Print threads, sockets and memory of the desk before and after, and whether the car can still be driven."""
    with TemporaryDirectory() as folder, timeline_car(Path(folder)) as car:
        visit(car.port, CLIENTS, WARM_UP_S)
        time.sleep(SETTLE_S)
        before = footprint(car.car.controls)
        visits = visit(car.port, CLIENTS, SECONDS, seed=1)
        time.sleep(SETTLE_S)
        after = footprint(car.car.controls)
        with Browser(car.port) as browser:
            car.drive_off(browser)
        show(
            f"{CLIENTS} browsers coming and vanishing for {SECONDS:.0f} s, {visits} visits: the desk before → after",
            [
                Figure("threads", f"{before.threads} → {after.threads}"),
                Figure("file descriptors", f"{before.descriptors} → {after.descriptors}"),
                Figure("TCP sockets", f"{before.sockets} → {after.sockets}"),
                Figure("resident memory", f"{before.memory / 1e6:.0f} → {after.memory / 1e6:.0f} MB"),
                Figure("the car can be driven afterwards", "yes"),
            ],
        )
