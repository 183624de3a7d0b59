"""The server's sockets."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import httpx
import psutil
import pytest
import uvicorn

from car.config.sections import CarConfig, WebSection
from car.web import connection
from car.web.connection import Guests
from car.web.discreet import LOOPBACK
from car.web.server import WebServer, _bound
from tests.car.web import first_visit
from tests.car.web.serving import PORT, serving
from tests.system.browser import Browser
from tests.system.car_process import wait_for


def test_small_answers_are_sent_at_once() -> None:
    """Nagle's algorithm would keep each back until the browser has acknowledged the one before: 40 ms."""

    async def nodelay_of_an_accepted_connection() -> int:
        answered = asyncio.get_running_loop().create_future()

        async def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            answered.set_result(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        listener = _bound(LOOPBACK, 0, Guests())
        async with await asyncio.start_server(accept, sock=listener):
            _, writer = await asyncio.open_connection(*listener.getsockname())
            option: int = await answered
            writer.close()
            await writer.wait_closed()
            return option

    assert asyncio.run(nodelay_of_an_accepted_connection()) != 0


def is_closed(idle: socket.socket) -> bool:
    idle.setblocking(False)
    try:
        return idle.recv(1000) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


SAID_SO_FAR = [b"", b"GET / HTTP/1.1\r\n", b"GET /static/style.css HTTP/1.1\r\nHost: localhost\r\n\r\nGET"]


def test_connections_that_do_not_say_what_they_want_are_closed_and_one_that_drives_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "PATIENCE_S", 0.3)
    with serving(tmp_path) as served, Browser(served.port) as browser, contextlib.ExitStack() as stack:
        for said in SAID_SO_FAR:
            idle = stack.enter_context(socket.create_connection((LOOPBACK, served.port)))
            idle.sendall(said)
            wait_for(partial(is_closed, idle), f"the connection that said {said!r} to be closed")
        time.sleep(4 * 0.3)
        browser.wait_for_state(driver=True)


@pytest.mark.parametrize("tls", [False, True])
def test_there_are_only_so_many_connections_whether_they_say_anything_or_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, tls: bool
) -> None:
    monkeypatch.setattr(connection, "MAX_CONNECTIONS", 10)
    with serving(tmp_path, CarConfig(web=WebSection(port=PORT, tls=tls))) as served, contextlib.ExitStack() as stack:
        served.client.close()
        idle = [stack.enter_context(socket.create_connection((LOOPBACK, served.port))) for _ in range(15)]
        wait_for(lambda: sum(map(is_closed, idle)) == 5, "those too many to be closed")
        for one in idle:
            one.close()
        wait_for(lambda: answers(served.port, tls=tls), "room again")


def test_strangers_who_take_every_connection_keep_nobody_out_whom_the_car_knows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "MAX_CONNECTIONS", 10)
    with serving(tmp_path) as served, Browser(served.port) as browser, contextlib.ExitStack() as stack:
        browser.wait_for_state(driver=True)
        idle = [stack.enter_context(socket.create_connection((LOOPBACK, served.port))) for _ in range(30)]
        assert answers(served.port, tls=False)
        wait_for(lambda: sum(map(is_closed, idle)) > 20, "the oldest strangers to be shown out")
        browser.samples = False
        browser.sample_now()
        browser.wait_for_state(driver=True)
        assert served.context.hub.count("browser") == 1


def open_files() -> int:
    """Return how many files and sockets this process has open."""
    return int(psutil.Process().num_fds())


def test_a_burst_of_strangers_opens_no_more_files_than_there_is_room_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "MAX_CONNECTIONS", 10)
    with serving(tmp_path) as served, contextlib.ExitStack() as stack:
        before = open_files()
        burst, most = [], 0
        for _ in range(150):
            one = stack.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex((LOOPBACK, served.port))
            burst.append(one)
        for _ in range(100):
            most = max(most, open_files() - before - len(burst))
            time.sleep(0.005)
        # Both ends are in this process: what is not the burst's own is the server's.
        assert most < 10 + connection.MAX_LEAVING + 10
        assert answers(served.port, tls=False)


def test_who_is_paired_no_longer_is_a_stranger_again() -> None:
    guests, held = connection.Guests(), [socket.socket() for _ in range(connection.MAX_CONNECTIONS)]
    for port, one in enumerate(held):
        assert guests.let_in(one, ("10.0.0.1", port))
        guests.know(("10.0.0.1", port), may_come_in=True)
    with socket.socket() as late:
        assert not guests.let_in(late, ("10.0.0.2", 1))
        guests.know(("10.0.0.1", 7), may_come_in=False)
        assert guests.let_in(late, ("10.0.0.2", 1))
    for one in held:
        one.close()


def test_a_known_guest_is_shown_out_for_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "MAX_CONNECTIONS", 2)
    with serving(tmp_path) as served, contextlib.ExitStack() as stack:
        served.client.close()
        for _ in range(2):
            browser = stack.enter_context(Browser(served.port))
            browser.wait_for_state(driver_present=True)
        assert not answers(served.port, tls=False)
        assert served.context.hub.count("browser") == 2


def answers(port: int, *, tls: bool) -> bool:
    url = f"{'https' if tls else 'http'}://{LOOPBACK}:{port}/api/status"
    try:
        return httpx.get(url, verify=False).status_code == 200  # noqa: S501 - nobody vouches for its certificate
    except httpx.TransportError:
        return False


def test_nothing_vouches_for_the_pages_before_they_take_connections(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beats: list[int] = []
    rounds: list[int] = []
    ready = threading.Event()
    startup = uvicorn.Server.startup

    async def start_slowly(server: uvicorn.Server, sockets: list[socket.socket] | None = None) -> None:
        while not ready.is_set():
            rounds.append(1)
            await asyncio.sleep(0.01)
        await startup(server, sockets)

    with serving(tmp_path / "mycar") as served:
        monkeypatch.setattr(uvicorn.Server, "startup", start_slowly)
        server = WebServer(served.context, beat=lambda: beats.append(1))
        server.start()
        try:
            wait_for(lambda: len(rounds) > 20, "a slow start")
            assert beats == []
            ready.set()
            wait_for(lambda: bool(beats), "a beat")
        finally:
            ready.set()
            server.close()


def test_the_first_browser_finds_everything_imported_by_the_first_sign_of_life(tmp_path: Path) -> None:
    # In a program of its own: here other tests have been everywhere before.
    visit = [sys.executable, "-m", first_visit.__name__, str(tmp_path / "mycar")]
    ran = subprocess.run(visit, capture_output=True, text=True, timeout=100.0, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == ""
