"""The wifi's signal, as /proc/net/wireless of different machines tells it."""

from __future__ import annotations

from pathlib import Path

import pytest

from hardware.wifi import read_signal_dbm
from tests.machines import make_machine

HEAD = """\
Inter-| sta-|   Quality        |   Discarded packets               | Missed | WE
 face | tus | link level noise |  nwid  crypt   frag  retry   misc | beacon | 22
"""
LINKED = " wlan0: 0000   58.  -52.  -256        0      0      0      1      0        0\n"
UNLINKED = " wlan0: 0000    0.  -256.  -256        0      0      0      0      0        0\n"
SECOND = "wlp3s0: 0000   70   -40   -256        0      0      0      0      0        0\n"
WITHOUT_DBM = " wlan1: 0000   40.   53.    0.        0      0      0      0      0        0\n"


@pytest.mark.parametrize(
    ("text", "signal_dbm"),
    [
        (HEAD + LINKED, -52.0),
        (HEAD + UNLINKED, None),
        (HEAD + UNLINKED + SECOND, -40.0),
        (HEAD + WITHOUT_DBM, None),
        (HEAD + " wlan0: 0000\n wlan1: none of it\n" + LINKED, -52.0),
        (HEAD, None),
        ("", None),
        ("\xff", None),
    ],
    ids=["linked", "unlinked", "two", "no dBm", "garbled", "no wifi", "empty", "binary"],
)
def test_the_signal_is_that_of_an_interface_with_a_link(tmp_path: Path, text: str, signal_dbm: float | None) -> None:
    make_machine(tmp_path, {"proc/net/wireless": text})
    assert read_signal_dbm(tmp_path) == signal_dbm


def test_a_machine_that_does_not_tell_has_none(tmp_path: Path) -> None:
    assert read_signal_dbm(tmp_path) is None


def test_this_machine_can_be_asked() -> None:
    read_signal_dbm()
