"""What is printed of models."""

from __future__ import annotations

from pathlib import Path

from rich.table import Table

from car.terminal.console import console
from models.contract import ModelError
from models.loader import read_card


def show_model_list(paths: list[Path]) -> None:
    """Print a line for each model, an unreadable one's included."""
    table = Table("model", "frames", "size", "trained on", "steering MAE", "in the simulator")
    for path in paths:
        size = f"{path.stat().st_size / 1e3:.0f} kB"
        try:
            card = read_card(path)
        except ModelError as error:
            table.add_row(path.stem, "", size, str(error))
            continue
        if card is None:
            table.add_row(path.stem, "", size, "no card")
            continue
        frames = sum(session.frames for session in card.sessions)
        mae = card.metrics.get("steering", {}).get("mae")
        drives = "; ".join(f"{track}: {outcome}" for track, outcome in card.closed_loop.items())
        table.add_row(
            path.stem,
            f"{card.width}x{card.height}",
            size,
            f"{frames} frames, {len(card.sessions)} sessions",
            "" if mae is None else f"{mae:.3f}",
            drives,
        )
    console.print(table)
