"""Run every benchmark, or those that are named: ``python -m tests.benchmarks loop pilot``."""

from __future__ import annotations

import os
import sys

from tests.benchmarks import (
    cameras,
    crowd,
    fleet,
    footprint,
    foxglove,
    gamepad,
    library,
    link_loss,
    loop,
    memory,
    networks,
    obstacles,
    own_lap,
    pages,
    pilot,
    simulator,
    speed,
    stops,
    takeovers,
    telemetry,
    training,
    uncertainty,
    variants,
    viewers,
    wheels,
)
from tests.benchmarks.figures import show_machine

BENCHMARKS = {
    "loop": loop.measure,
    "ahead": loop.measure_ahead,
    "telemetry": telemetry.measure,
    "pilot": pilot.measure,
    "cameras": cameras.measure,
    "footprint": footprint.measure,
    "memory": memory.measure,
    "stops": stops.measure,
    "stop_keys": stops.measure_keys,
    "gamepad": gamepad.measure,
    "wheels": wheels.measure,
    "link_loss": link_loss.measure,
    "pages": pages.measure,
    "viewers": viewers.measure,
    "foxglove": foxglove.measure,
    "crowd": crowd.measure,
    "fleet": fleet.measure,
    "library": library.measure,
    "simulator": simulator.measure,
    "speed": speed.measure,
    "encoder": loop.measure_encoder,
    "training": training.measure,
    "variants": variants.measure,
}
BY_HAND = {
    "own_lap": own_lap.measure,
    "takeovers": takeovers.measure,
    "networks": networks.measure,
    "uncertainty": uncertainty.measure,
    "obstacles": obstacles.measure,
}
"""What takes minutes runs when it is named."""


def main() -> None:
    """Print the figures that were asked for, all by default."""
    # An installed car has its bytecode; one that may not keep it compiles every module anew at each start.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    show_machine()
    for name in sys.argv[1:] or BENCHMARKS:
        (BENCHMARKS | BY_HAND)[name]()


if __name__ == "__main__":
    main()
