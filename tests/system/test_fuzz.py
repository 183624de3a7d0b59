"""Whatever is sent to the API and the sockets, the server answers in its own words, lives on, and lets nothing past."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from websockets.exceptions import ConnectionClosed

from car.gate import Gate, GateState
from hardware.clock import SystemClock
from hardware.drivetrain import NEUTRAL
from tests.car.web.serving import OURS, Served, serving
from tests.system.browser import open_socket

EXAMPLES = 12
QUIET = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("car")) as served:
        yield served


def test_no_request_is_answered_by_an_error_of_the_server_itself(served: Served) -> None:
    schema = schemathesis.openapi.from_url(f"http://127.0.0.1:{served.port}/api/openapi.json", headers=OURS)
    operations = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
    assert len(operations) > 20
    for operation in operations:

        @QUIET
        @given(case=operation.as_strategy())
        def ask(case: schemathesis.Case[Any]) -> None:
            case.call_and_validate(headers=OURS, checks=[not_a_server_error])

        ask()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
kinds = st.sampled_from(
    ["sample", "pong", "arm", "mode", "stop", "disarm", "take_over", "let_go", "record", "erase", "next", "ping", ""]
)
fields = st.dictionaries(
    st.sampled_from(
        ["seq", "client_ms", "steering", "throttle", "held", "mode", "wheels_up", "id", "on", "seconds", "width"]
    ),
    json_values | st.sampled_from(["manual", "auto", "calibration"]) | st.floats(-2, 2) | st.integers(-2, 2**70),
    max_size=8,
)
messages = st.one_of(
    st.builds(lambda kind, content: json.dumps({"type": kind, **content}), kinds, fields),
    json_values.map(json.dumps),
    st.text(max_size=1100),
    st.binary(max_size=1100),
)


@pytest.mark.parametrize("path", ["/api/drive", "/api/video"])
@settings(QUIET, max_examples=30)
@given(sent=st.lists(messages, max_size=8))
def test_nothing_that_is_said_to_a_socket_breaks_the_server_or_gets_past_the_gate(
    served: Served, path: str, sent: list[str | bytes]
) -> None:
    with contextlib.suppress(ConnectionClosed), open_socket(served.port, path) as socket:
        for message in sent:
            socket.send(message)
        socket.ping().wait(0.2)
    assert httpx.get(f"http://127.0.0.1:{served.port}/api/status").status_code == 200
    # Nobody has armed a car that has no camera: whatever was said, the gate lets nothing through.
    gate, clock = Gate(), SystemClock()
    for event in served.slot.events(clock.now_ns()):
        gate.handle(event, clock.now_ns())
    decision = gate.decide(clock.now_ns())
    assert decision.command == NEUTRAL
    assert decision.state is not GateState.ARMED
    assert gate.refused == 0
