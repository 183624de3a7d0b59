"""What is the library's goes on to the desk, whole, and a desk that is gone or silent is said to be."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from car.web import uploads
from car.web.app import LIBRARY_ROUTERS, _library_paths
from car.web.relay import DESK_HEADER, SILENT_NS
from tests.car.web.serving import PORT, SECRET, Served, serving
from tests.system.car_process import wait_for


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serving(tmp_path / "car") as served:
        yield served


def test_every_route_of_the_library_is_passed_on() -> None:
    paths = [route.path for router in LIBRARY_ROUTERS for route in router.routes]  # type: ignore[attr-defined]
    assert len(paths) > 15
    assert all(any(f"/api{path}".startswith(known) for known in _library_paths()) for path in paths)
    assert "/api/trash" in _library_paths()
    assert not _library_paths() & {"/api/status", "/api/drive", "/api/video", "/api/pair"}


def test_a_request_and_its_answer_cross_unchanged(served: Served) -> None:
    answer = served.client.get("models", params={"odd": "a b/c?d"})
    assert answer.status_code == 200
    assert [model["name"] for model in answer.json()]
    assert answer.headers["content-security-policy"]
    assert served.client.get("trash").json() == []


def test_the_library_hears_nobody_who_does_not_know_the_secret(served: Served) -> None:
    port = served.library.port
    for headers in ({}, {DESK_HEADER: "guess"}):
        answer = httpx.get(f"http://127.0.0.1:{port}/api/sessions", headers=headers)
        assert (answer.status_code, list(answer.json())) == (401, ["error"])
    assert httpx.get(f"http://127.0.0.1:{port}/api/sessions", headers={DESK_HEADER: SECRET}).status_code == 200


def test_a_browser_cannot_send_the_secret_header_through(served: Served) -> None:
    answer = served.client.get("sessions", headers={DESK_HEADER: "guess"})
    assert answer.status_code in {200, 401}
    assert served.client.get("sessions").status_code == 200


def test_a_desk_that_is_gone_is_one_sentence(served: Served) -> None:
    served.library.close()
    served.refused("GET", "sessions", 503, "desk does not answer")
    assert served.client.get("status").status_code == 200


def test_a_browser_that_vanishes_in_the_middle_of_a_file_leaves_nothing_of_it_at_once(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "PATIENCE_S", 1000.0)
    head = f"POST /api/models?name=half HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\nX-Pocketpilot: 1\r\n"
    with socket.create_connection(("127.0.0.1", served.port)) as browser:
        browser.sendall(f"{head}Content-Length: 100000\r\n\r\n".encode() + bytes(50_000))
        wait_for(lambda: any(served.folder.models_dir.iterdir()), "half of the file")
    wait_for(lambda: not any(served.folder.models_dir.iterdir()), "that to be gone")


def test_a_desk_that_is_silent_is_one_sentence(served: Served) -> None:
    served.said["time_ns"] = served.context.clock.now_ns() - 2 * SILENT_NS
    served.refused("GET", "sessions", 503, "desk does not answer")


def test_a_desk_that_freezes_in_the_middle_of_a_request_is_not_waited_for(served: Served) -> None:
    with socket.create_server(("127.0.0.1", 0)) as frozen:
        served.said["library_port"] = frozen.getsockname()[1]
        served.said["time_ns"] = served.context.clock.now_ns() - SILENT_NS + SILENT_NS // 10
        served.refused("GET", "sessions", 503, "desk does not answer")


def test_the_port_of_the_page_is_not_the_librarys(served: Served) -> None:
    assert served.library.port != served.port >= PORT
