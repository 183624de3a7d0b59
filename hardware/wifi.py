"""How strong the wifi is in which the car stands, as Linux tells it."""

from __future__ import annotations

import contextlib
from pathlib import Path

from hardware.health import ROOT

_HEAD_LINES = 2
_QUALITY, _LEVEL = 1, 2
"""Columns after the interface's name: its status, the link's quality and the signal's level."""


def read_signal_dbm(root: Path = ROOT) -> float | None:
    r"""Return the signal of the first interface that has a link, in dBm; None on a cable, and where no system tells it.

    >>> _ = (folder / "proc/net").mkdir(parents=True), (folder / "proc/net/wireless").write_text(
    ...     "Inter-| sta-|   Quality        |\n face | tus | link level noise |\n wlan0: 0000   58.  -52.  -256\n"
    ... )
    >>> read_signal_dbm(folder)
    -52.0
    """
    with contextlib.suppress(OSError, UnicodeDecodeError):
        text = (root / "proc/net/wireless").read_text(encoding="ascii")
        for line in text.splitlines()[_HEAD_LINES:]:
            # An interface without a link has quality 0; a driver that knows no dBm has a level that is not negative.
            with contextlib.suppress(ValueError, IndexError):
                columns = line.partition(":")[2].split()
                if float(columns[_QUALITY]) > 0 and (level_dbm := float(columns[_LEVEL])) < 0:
                    return level_dbm
    return None
