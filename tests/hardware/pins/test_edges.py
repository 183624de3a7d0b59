"""Edges of GPIO lines, from a kernel whose structures are those of linux/gpio.h."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hardware.errors import SensorError
from hardware.pins.edges import Edge, GpioEdges
from tests.hardware.fakes import gpiochip
from tests.hardware.fakes.gpiochip import GpioChips

EDGES = [Edge(5_000_000, 0, True, 1), Edge(6_000_000, 1, True, 1), Edge(7_000_000, 0, False, 2)]


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> GpioChips:
    return gpiochip.install(monkeypatch, tmp_path / "dev", {0: "other", 4: "pinctrl-rp1"})


def test_edges_come_in_their_order_with_their_times_and_lines_and_each_once(kernel: GpioChips) -> None:
    kernel.high = {6}
    with GpioEdges((5, 6)) as edges:
        assert edges.levels == (False, True)
        assert edges.read() == []
        kernel.happen(EDGES)
        assert edges.read() == EDGES
        assert edges.read() == []


def test_pull_and_debounce_are_the_kernels_to_do(kernel: GpioChips) -> None:
    with GpioEdges((5, 6), "down", debounce_us=300):
        pass
    with GpioEdges((5,), "none"):
        pass
    with GpioEdges((5,)):
        pass
    asked = [(inputs.gpios, inputs.pull, inputs.debounce_us) for inputs in kernel.inputs]
    assert asked == [([5, 6], "down", 300), ([5], "none", 0), ([5], "up", 0)]


def test_a_line_that_another_program_has_is_a_sentence_with_the_next_step(kernel: GpioChips) -> None:
    kernel.busy = {6: 1}
    with pytest.raises(SensorError, match=r"GPIO 5 and GPIO 6 cannot be read \(Device or resource busy\)\. End the"):
        GpioEdges((5, 6))


def test_a_machine_without_a_header_has_no_edges(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    gpiochip.install(monkeypatch, tmp_path / "dev", {0: "other"})
    with pytest.raises(SensorError, match="no GPIO chip of a Raspberry Pi's header"):
        GpioEdges((5,))


def test_closed_lines_are_let_go_of_and_give_no_edges(kernel: GpioChips) -> None:
    edges = GpioEdges((5,))
    edges.close()
    edges.close()
    with pytest.raises(SensorError, match="closed"):
        edges.read()


def test_lines_that_the_kernel_has_taken_away_are_a_sensors_error(kernel: GpioChips, tmp_path: Path) -> None:
    with GpioEdges((5,)) as edges:
        with (tmp_path / "other").open("wb") as other:
            os.dup2(other.fileno(), edges._descriptor or 0)
        with pytest.raises(SensorError, match="GPIO 5 cannot be read"):
            edges.read()
