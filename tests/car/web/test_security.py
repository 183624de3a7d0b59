"""Who gets in and who does not, at the real server on real sockets."""

from __future__ import annotations

import contextlib
import hashlib
import re
import socket
import ssl
import stat
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from car.config.sections import CarConfig, WebSection
from car.pairing.command import pair
from car.pairing.machine import own_hosts
from car.pairing.store import AccessStore
from car.web import bodies, hosts
from car.web.access import COOKIE, PUBLIC
from car.web.bodies import MAX_BODY_BYTES
from car.web.pairing import ALL_ATTEMPTS, ATTEMPTS, ATTEMPTS_WINDOW_NS, Attempts
from hardware.clock import SystemClock, VirtualClock
from tests.car.web.serving import OURS, PORT, Served, serving
from tests.system.car_process import wait_for

MACHINE = socket.gethostname().partition(".")[0].lower()
SOCKETS = ("/api/drive", "/api/video")
FOREIGN = "http://evil.example"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serving(tmp_path) as served:
        yield served


@pytest.fixture
def store(served: Served) -> AccessStore:
    return AccessStore(served.folder.path, SystemClock())


@pytest.fixture
def network(served: Served, store: AccessStore) -> Iterator[httpx.Client]:
    """A browser on the network; the server takes it for one because it does not come from loopback."""
    store.new_code()
    host = own_hosts()[0]
    with httpx.Client(base_url=f"http://{host}:{served.port}", headers=OURS) as client:
        wait_for(lambda: answers(client), "the network's listener")
        yield client


def answers(client: httpx.Client) -> bool:
    try:
        return client.get("/pair").status_code == 200
    except httpx.TransportError:
        return False


def pair_with(client: httpx.Client, store: AccessStore) -> None:
    assert client.post("/api/pair", json={"code": store.new_code()}).status_code == 204


@contextlib.contextmanager
def opened(client: httpx.Client, path: str, origin: str | None = "own", **headers: str) -> Iterator[None]:
    """Open a socket with the client's cookies; raises InvalidStatus when the server refuses."""
    base = str(client.base_url).rstrip("/").removesuffix("/api")
    cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    sent = {**({"Cookie": cookies} if cookies else {}), **headers}
    stated = None if origin is None else Origin(base if origin == "own" else origin)
    with connect(base.replace("http", "ws", 1) + path, origin=stated, additional_headers=sent, compression=None):
        yield


def handshake(port: int, host: str, path: str = "/api/drive", cookie: str = "") -> int:
    """Ask for a socket under any name; return the status of the answer. The client of ``opened`` sends its own Host."""
    head = [
        f"GET {path} HTTP/1.1",
        f"Host: {host}",
        f"Origin: http://{host}",
        "Connection: Upgrade",
        "Upgrade: websocket",
    ]
    head += ["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", f"Cookie: {cookie}", "", ""]
    with socket.create_connection(("127.0.0.1", port), timeout=10) as stream:
        stream.sendall("\r\n".join(head).encode())
        return int(stream.recv(4096).split()[1])


def test_nothing_listens_beyond_loopback_until_a_browser_is_to_be_paired(served: Served, store: AccessStore) -> None:
    host = own_hosts()[0]
    with httpx.Client(base_url=f"http://{host}:{served.port}") as client:
        assert not answers(client)
        store.new_code()
        wait_for(lambda: answers(client), "the network's listener")
        store.forget_all()
        wait_for(lambda: not answers(client), "the network's listener to close")
    assert served.client.get("status").status_code == 200


def test_an_unpaired_browser_gets_the_pairing_page_and_nothing_else(network: httpx.Client) -> None:
    assert network.get("/pair").status_code == 200
    front = network.get("/")
    assert (front.status_code, front.headers["location"]) == (303, "/pair")
    for path in (
        "/api/status",
        "/api/track",
        "/api/sessions",
        "/api/originals",
        "/api/openapi.json",
        "/static/drive.js",
    ):
        assert network.get(path).status_code in {401, 404}, path
    for path in ("/api/originals/a/0?version=1", "/api/originals/a/0/digest?version=1"):
        assert network.get(path).status_code == 401
    for path in ("/api/sessions/a/cuts", "/api/originals/a/cuts", "/api/forget", "/api/models", "/api/models/versions"):
        assert network.post(path).status_code == 401
    for path in SOCKETS:
        with pytest.raises(InvalidStatus), opened(network, path):
            pass


def test_the_files_of_the_pairing_page_are_there_for_everyone(network: httpx.Client) -> None:
    page = network.get("/pair").text
    for name in re.findall(r'(?:src|href)="(/[^"]+)"', page):
        assert ("GET", name) in PUBLIC
        assert network.get(name).status_code == 200


def test_a_paired_browser_gets_everything_and_its_cookie_is_out_of_reach_of_scripts(
    network: httpx.Client, store: AccessStore
) -> None:
    answer = network.post("/api/pair", json={"code": store.new_code()})
    assert answer.status_code == 204
    cookie = answer.headers["set-cookie"]
    for word in ("HttpOnly", "SameSite=strict", "Path=/"):
        assert word in cookie
    assert network.get("/api/status").status_code == 200
    for path in SOCKETS:
        with opened(network, path):
            pass


def test_a_code_that_was_used_is_refused_and_so_is_a_wrong_one(network: httpx.Client, store: AccessStore) -> None:
    code = store.new_code()
    assert network.post("/api/pair", json={"code": code}).status_code == 204
    network.cookies.clear()
    for refused in (code, "AAAA-AAAA-AAAA-AAAA"):
        answer = network.post("/api/pair", json={"code": refused})
        assert answer.status_code == 403
        assert "car pair" in answer.json()["error"]
    assert network.get("/api/status").status_code == 401


def test_codes_cannot_be_tried_one_after_the_other(network: httpx.Client, store: AccessStore) -> None:
    statuses = [network.post("/api/pair", json={"code": f"TRY{number}"}).status_code for number in range(ATTEMPTS + 3)]
    assert statuses == [403] * ATTEMPTS + [429] * 3
    code = store.new_code()
    assert network.post("/api/pair", json={"code": code}).status_code == 429
    # The owner at another address is not kept out by that.
    assert httpx.post(
        f"http://127.0.0.1:{network.base_url.port}/api/pair", json={"code": code}, headers=OURS
    ).is_success


def test_many_addresses_do_not_make_many_more_attempts() -> None:
    clock = VirtualClock()
    attempts = Attempts(clock)
    made = [attempts.is_allowed(f"10.0.{number // 250}.{number % 250}") for number in range(ALL_ATTEMPTS + 5)]
    assert made == [True] * ALL_ATTEMPTS + [False] * 5
    clock.advance_ns(ATTEMPTS_WINDOW_NS + 1)
    assert attempts.is_allowed("10.0.0.1")


def test_a_stranger_cannot_fill_the_cars_memory(network: httpx.Client) -> None:
    flood = (b"x" * 8192 for _ in range(10 * MAX_BODY_BYTES // 8192))
    answer = network.post("/api/pair", content=flood)
    assert answer.status_code == 413, answer.text
    assert answer.json()["error"].endswith("Send less.")


def test_a_stranger_cannot_keep_a_request_open_for_ever(
    network: httpx.Client, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "PATIENCE_S", 0.3)
    with socket.create_connection((own_hosts()[0], served.port), timeout=10) as slow:
        head = f"POST /api/pair HTTP/1.1\r\nHost: {own_hosts()[0]}:{served.port}\r\nX-Pocketpilot: 1\r\n"
        slow.sendall(f"{head}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{".encode())
        assert b" 408 " in slow.recv(4096).partition(b"\r\n")[0]


def test_an_invented_cookie_is_none(network: httpx.Client) -> None:
    for value in ("", "a", "a" * 4000, "%00", '"', "=;="):
        answer = network.get("/api/status", headers={"Cookie": f"{COOKIE}={value}"})
        assert answer.status_code == 401


def test_a_browser_that_is_forgotten_is_out_at_once_and_its_sockets_are_closed(
    network: httpx.Client, store: AccessStore
) -> None:
    pair_with(network, store)
    kept = httpx.Cookies(network.cookies)
    base = str(network.base_url).rstrip("/")
    cookie = {"Cookie": f"{COOKIE}={network.cookies[COOKIE]}"}
    with connect(base.replace("http", "ws") + "/api/drive", origin=Origin(base), additional_headers=cookie) as socket:
        assert network.post("/api/forget").status_code == 204
        with pytest.raises(ConnectionClosed):
            read_to_the_end(socket)
    store.new_code()
    wait_for(lambda: answers(network), "the network's listener")
    network.cookies = kept
    assert network.get("/api/status").status_code == 401


def read_to_the_end(socket: ClientConnection) -> None:
    while True:
        socket.recv(timeout=10)


@pytest.mark.parametrize("path", SOCKETS)
@pytest.mark.parametrize("origin", [FOREIGN, "null", "http://127.0.0.1:1", "https://127.0.0.1", None])
def test_no_other_origin_opens_a_socket_not_even_on_the_machine_itself(
    served: Served, path: str, origin: str | None
) -> None:
    with pytest.raises(InvalidStatus) as refused, opened(served.client, path, origin=origin):
        pass
    assert refused.value.response.status_code == 403
    with opened(served.client, path):
        pass


STRANGE = (
    "evil.example",
    "evil.example:8887",
    "127.0.0.1.evil.example",
    f"{MACHINE}.evil.example",
    f"{MACHINE}-2.evil.example",
    f"evil.{MACHINE}.lan",
    f"{MACHINE}.lan.evil.example",
    "nas.lan",
    "",
    "[",
    "[::1]evil.example",
    "[::1].evil.example:8887",
    "[::1]:8887junk",
    "[::1",
    "::1]",
    "127.0.0.1:junk",
    "127.0.0.1:8887:8887",
    "localhost..",
    f"evil.example@{MACHINE}",
)


@pytest.mark.parametrize("host", STRANGE)
def test_another_name_that_leads_here_is_refused(served: Served, host: str) -> None:
    assert served.client.get("status", headers={"Host": host}).status_code in {400, 421}
    assert handshake(served.port, host) in {400, 403}


@pytest.mark.parametrize("host", ["localhost", "localhost.", "127.0.0.1", "[::1]", "192.168.7.7", MACHINE.upper()])
def test_the_cars_own_names_and_addresses_are_not(served: Served, host: str) -> None:
    assert served.client.get("status", headers={"Host": f"{host}:{served.port}"}).status_code == 200
    assert handshake(served.port, f"{host}:{served.port}") == 101


def test_a_browser_that_comes_by_another_name_is_shown_the_address_that_works(
    served: Served, store: AccessStore
) -> None:
    store.new_code()
    for address in ("127.0.0.1", own_hosts()[0]):
        url = f"http://{address}:{served.port}/"
        wait_for(partial(is_open, url), "the network's listener")
        answer = httpx.get(url, headers={"Host": "rc-car.example.org"})
        assert answer.status_code == 421
        assert answer.headers["content-type"].startswith("text/html")
        assert f'href="{url}pair?known"' in answer.text
        assert "names = [&quot;rc-car.example.org&quot;]" in answer.text.replace('"', "&quot;")
    served.refused("GET", "status", 421, f"http://127.0.0.1:{served.port}/", headers={"Host": "rc-car.example.org"})


@pytest.mark.parametrize("host", ["<b>x</b>", 'x"onclick="y', "x'y", "[::1]<script>"])
def test_the_page_for_another_name_repeats_nothing_that_is_no_name(served: Served, host: str) -> None:
    answer = httpx.get(f"http://127.0.0.1:{served.port}/", headers={"Host": host})
    assert answer.status_code in {400, 421}
    assert host not in answer.text


def is_open(url: str) -> bool:
    try:
        return httpx.get(url).status_code < 400
    except httpx.TransportError:
        return False


GIVEN = tuple(
    f"{MACHINE}{rest}"
    for rest in (".lan", ".fritz.box", ".home", "-2.local", "-2", ".local.", ".home.arpa", "-3.lan.", ".flat.example")
)


@pytest.fixture
def searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The network's suffix is known to this machine's resolver."""
    resolver = tmp_path / "resolv.conf"
    resolver.write_text("# from the router\nnameserver 192.168.7.1\nsearch flat.example corner.example.\n")
    monkeypatch.setattr(hosts, "RESOLVER", resolver)


@pytest.mark.usefixtures("searched")
@pytest.mark.parametrize("host", GIVEN)
def test_a_name_that_the_router_gives_leads_to_the_pairing_page_and_once_paired_to_the_car(
    network: httpx.Client, store: AccessStore, host: str
) -> None:
    named = {"Host": f"{host}:{network.base_url.port}"}
    front = network.get("/", headers=named)
    assert (front.status_code, front.headers["location"]) == (303, "/pair")
    assert network.get("/pair", headers=named).status_code == 200
    assert network.get("/api/status", headers=named).status_code == 401
    paired = network.post("/api/pair", json={"code": store.new_code()}, headers=named)
    cookie = {"Cookie": f"{COOKIE}={paired.cookies[COOKIE]}"}
    assert network.get("/api/status", headers={**named, **cookie}).status_code == 200
    assert handshake(network.base_url.port or 0, named["Host"], cookie=cookie["Cookie"]) == 101


@pytest.mark.usefixtures("searched")
@pytest.mark.parametrize("host", [f"{MACHINE}.lan", f"{MACHINE}-2.local", f"{MACHINE}.flat.example"])
def test_a_name_that_somebody_else_may_own_is_not_trusted_on_the_machine_itself_without_a_cookie(
    served: Served, host: str
) -> None:
    named = {"Host": f"{host}:{served.port}"}
    assert served.client.get("status", headers=named).status_code == 401
    assert served.client.post("forget", headers=named).status_code == 401
    assert [handshake(served.port, named["Host"], path) for path in SOCKETS] == [403, 403]


def test_a_name_in_the_cars_configuration_is_let_in_when_it_is_paired(tmp_path: Path) -> None:
    config = CarConfig(web=WebSection(port=PORT, announce=False, names=("RC-Car.example.org.",)))
    with serving(tmp_path, config) as served:
        named = {"Host": "rc-car.example.org"}
        assert served.client.get("status", headers=named).status_code == 401
        code = AccessStore(tmp_path, SystemClock()).new_code()
        paired = served.client.post("pair", json={"code": code}, headers=named)
        cookie = {"Cookie": f"{COOKIE}={paired.cookies[COOKIE]}"}
        assert served.client.get("status", headers={**named, **cookie}).status_code == 200
        assert served.client.get("status", headers={"Host": "x.rc-car.example.org"}).status_code == 421


def test_nothing_is_changed_for_another_origin_or_without_our_header(served: Served) -> None:
    for headers in (
        {"X-Pocketpilot": "0"},
        {"Origin": FOREIGN},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ):
        served.refused("POST", "forget", 403, headers=headers)


def test_a_page_of_another_origin_cannot_read_anything_either(served: Served) -> None:
    answer = served.client.get("status", headers={"Origin": FOREIGN})
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers


def test_every_answer_has_the_security_headers(served: Served) -> None:
    for path in ("/", "/api/status", "/api/nothing", "/static/drive.js"):
        headers = httpx.get(f"http://127.0.0.1:{served.port}{path}").headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        assert "server" not in headers


def test_no_header_of_a_proxy_makes_a_browser_one_of_this_machine(network: httpx.Client) -> None:
    for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP"):
        assert network.get("/api/status", headers={name: "127.0.0.1"}).status_code == 401


def test_with_tls_the_page_is_served_by_https_alone_with_the_fingerprint_that_was_shown(tmp_path: Path) -> None:
    config = CarConfig(web=WebSection(port=PORT, tls=True, announce=False))
    with serving(tmp_path, config) as served:
        address = AccessStore(tmp_path, SystemClock()).running_server()
        assert address is not None
        assert address.tls
        wait_for(lambda: AccessStore(tmp_path, SystemClock()).running_server() is not None, "the server")
        pem = ssl.get_server_certificate(("127.0.0.1", served.port))
        digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest().upper()
        assert address.fingerprint.replace(":", "") == digest
        trusted = ssl.create_default_context(cadata=pem)
        with httpx.Client(base_url=f"https://localhost:{served.port}", verify=trusted, headers=OURS) as client:
            assert client.get("/api/status").json()["tls"] is True
            cookie = client.post("/api/pair", json={"code": AccessStore(tmp_path, SystemClock()).new_code()})
            assert "Secure" in cookie.headers["set-cookie"]
        with pytest.raises(httpx.TransportError):
            httpx.get(f"http://127.0.0.1:{served.port}/")
    for name in ("certificate.pem", "key.pem"):
        assert stat.S_IMODE((tmp_path / "access" / name).stat().st_mode) == 0o600


def test_car_pair_prints_the_address_with_the_code_behind_the_hash_and_a_qr_code(served: Served) -> None:
    lines = list(pair(served.folder))
    (first, *_) = [line.strip() for line in lines if "/pair#" in line]
    assert re.fullmatch(rf"http://[\w.]+:{served.port}/pair#\w{{4}}-\w{{4}}-\w{{4}}-\w{{4}}", first)
    assert any("█" in line for line in lines)
    assert not any("not running" in line for line in lines)
    assert any("Nothing is encrypted" in line for line in lines)
    store = AccessStore(served.folder.path, SystemClock())
    assert store.redeem(first.partition("#")[2]) is not None


def test_car_pair_says_so_when_the_car_is_not_running(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        folder = served.folder
    assert any("car drive" in line for line in pair(folder))
