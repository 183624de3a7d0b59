"""A measured figure, what the peer has for it, and how they are printed."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from hardware.clock import NS_PER_MS

console = Console(soft_wrap=True, width=140)


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the report; ``peer`` is Donkey Car 5.4.0's figure for it, empty where it has none."""

    what: str
    ours: str
    peer: str = ""


def show(title: str, figures: list[Figure]) -> None:
    """Print ``figures`` under ``title``."""
    table = Table("what", "Pocketpilot", "Donkey Car 5.4.0", title=title, title_justify="left")
    for figure in figures:
        table.add_row(figure.what, figure.ours, figure.peer)
    console.print(table)


def show_machine() -> None:
    """Print what the figures were measured on, and how busy it was before."""
    load = f"load {os.getloadavg()[0]:.2f}" if hasattr(os, "getloadavg") else "load unknown"
    console.print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {load} at the start"
    )


def spread(times_ns: NDArray[np.int64]) -> str:
    """Return median, 99th percentile, worst and count of ``times_ns``, in milliseconds."""
    p50, p99 = np.percentile(times_ns, (50, 99)) / NS_PER_MS
    return f"p50 {p50:.3f} · p99 {p99:.3f} · max {times_ns.max() / NS_PER_MS:.3f} ms · n {len(times_ns)}"
