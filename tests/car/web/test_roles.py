"""What each role may ask for and say, tried with every request and every message that there is, at the real server."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute, APIWebSocketRoute
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from car.gate import Disarm, DriverLeft, Event, Mode, Stop
from car.pairing.machine import own_hosts
from car.pairing.roles import Role
from car.pairing.store import AccessStore, Guest
from car.web import app, messages
from car.web.access import COOKIE
from car.web.roles import MESSAGES, REQUESTS, SOCKETS, role_for_request
from hardware.clock import SystemClock
from tests.car.web.serving import OURS, Served, serving
from tests.system.car_process import wait_for

API = app.describe_api()
ASKED = sorted((method.upper(), path) for path, methods in API["paths"].items() for method in methods)
"""Every request of the API."""
KINDS = {
    kind: schema
    for schema in messages.DRIVE_MESSAGES.json_schema()["$defs"].values()
    for kind in schema.get("properties", {}).get("type", {}).get("enum", [])
    or filter(None, [schema.get("properties", {}).get("type", {}).get("const")])
}
"""Every message of the drive socket, by its type."""
WATCHERS = {("GET", "/api/status"), ("GET", "/api/track"), ("POST", "/api/pair"), ("POST", "/api/forget")}
"""All that a watcher may ask for; to be let in with another code, and to leave, change who the watcher is."""
DRIVERS = {
    ("GET", "/api/models"),
    ("GET", "/api/pilot"),
    ("GET", "/api/pilot/picture"),
    ("POST", "/api/models/previous"),
    ("POST", "/api/models/{name}/activate"),
}
"""What a driver may ask for besides."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("car")) as served:
        AccessStore(served.folder.path, SystemClock()).new_code(Guest("keeps the network open"), 10**15)
        yield served


@pytest.fixture
def store(served: Served) -> AccessStore:
    return AccessStore(served.folder.path, SystemClock())


@contextlib.contextmanager
def paired(served: Served, store: AccessStore, role: Role, name: str = "") -> Iterator[httpx.Client]:
    """A browser on the network with a role; the server takes it for one because it does not come from loopback."""
    token = store.redeem(store.new_code(Guest(name, role)))
    base = f"http://{own_hosts()[0]}:{served.port}"
    with httpx.Client(base_url=base, headers=OURS, cookies={COOKIE: str(token)}, timeout=60.0) as client:
        wait_for(lambda: answers(client), "the network's listener")
        yield client


def answers(client: httpx.Client) -> bool:
    try:
        return client.get("/api/status").status_code == 200
    except httpx.TransportError:
        return False


def socket_of(client: httpx.Client, path: str = "/api/drive") -> ClientConnection:
    base = str(client.base_url).rstrip("/")
    cookie = {"Cookie": f"{COOKIE}={client.cookies[COOKIE]}"}
    return connect(base.replace("http", "ws", 1) + path, origin=Origin(base), additional_headers=cookie)


def example(schema: dict[str, Any]) -> Any:
    """Return a value that ``schema`` allows."""
    schema = API["components"]["schemas"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    if "anyOf" in schema:
        return example(schema["anyOf"][0])
    for said in ("const", "default"):
        if said in schema:
            return schema[said]
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            return {key: example(part) for key, part in schema.get("properties", {}).items()}
        case "array":
            return [example(part) for part in schema.get("prefixItems", [schema.get("items", {})])]
        case "string":
            return "a" * max(1, schema.get("minLength", 0))
        case "boolean":
            return True
        case _:
            return schema.get("minimum", 1)


def ask(client: httpx.Client, method: str, path: str) -> int:
    """Send a request of the API with a body that it allows; return the status of the answer."""
    content = API["paths"][path][method.lower()].get("requestBody", {}).get("content", {})
    body = content.get("application/json")
    options: dict[str, Any] = {"json": example(body["schema"])} if body else {"content": b"x"} if content else {}
    filled = path.replace("{number}", "1").replace("{index}", "1")
    return client.request(method, re.sub(r"\{\w+\}", "x", filled), **options).status_code


def world(served: Served) -> dict[str, str]:
    """Return all files of the car but those that say who is let in, and how its parts stand."""
    files = {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(served.folder.path.rglob("*"))
        if path.is_file() and "access" not in path.parts
    }
    return files | {"recording": str(served.recorder.status), "pilot": served.pilot.name}


def heard(served: Served) -> list[Event]:
    return list(served.slot.events(SystemClock().now_ns()))


def said(kind: str) -> list[dict[str, Any]]:
    """Return messages of a kind; one for every mode where there are modes."""
    parts = KINDS[kind]["properties"]
    plain = {key: 0.5 if key in {"seconds", "value"} else 0 for key in KINDS[kind]["required"] if key != "type"}
    named = {key: "x" for key in ("name", "track") if key in parts}
    switched = {"on": True} if "on" in parts else {}
    modes = [{"mode": mode} for mode in Mode] if "mode" in parts else [{}]
    return [{"type": kind, **plain, **named, **switched, **mode} for mode in modes]


def test_every_request_socket_and_message_has_its_line_in_the_table() -> None:
    routes = [route for router in (*app.CONTROLS_ROUTERS, *app.LIBRARY_ROUTERS) for route in router.routes]
    ours = {f"{method} /api{one.path}" for one in routes if isinstance(one, APIRoute) for method in one.methods or ()}
    frames = {"GET /api/openapi.json", "GET /static/{path:path}"}
    assert ours | {f"GET {page}" for page in app.PAGES} | frames == set(REQUESTS)
    assert {f"/api{one.path}" for one in routes if isinstance(one, APIWebSocketRoute)} == set(SOCKETS)
    assert set(KINDS) == set(MESSAGES)


def test_what_is_in_no_table_is_the_owners() -> None:
    assert role_for_request("POST", "/api/status") is Role.OWN
    assert role_for_request("GET", "/api/new") is Role.OWN
    assert role_for_request("HEAD", "/api/status") is Role.WATCH


@pytest.mark.parametrize("role", list(Role))
def test_each_role_is_answered_what_it_may_ask_for_and_refused_all_else(
    served: Served, store: AccessStore, role: Role
) -> None:
    allowed = {Role.WATCH: WATCHERS, Role.DRIVE: WATCHERS | DRIVERS, Role.OWN: set(ASKED)}[role]
    # Those of `pair` are refused with 403 as well, for the code; and who has left may ask for nothing more.
    tried = [one for one in ASKED if one[1] not in {"/api/pair", "/api/forget"}]
    with paired(served, store, role) as client:
        before = world(served)
        passed = {one for one in tried if ask(client, *one) != 403}
        assert passed == allowed & set(tried)
        if role is Role.WATCH:
            assert world(served) == before
            assert heard(served) == []
        assert client.post("/api/forget").status_code == 204
        assert client.get("/api/status").status_code == 401


def test_a_refusal_says_which_role_it_takes(served: Served, store: AccessStore) -> None:
    with paired(served, store, Role.WATCH) as client:
        sentence = client.delete("/api/sessions/x").json()["error"]
        assert sentence == "That takes the role `own`, and yours is `watch`. Ask the car's owner for a code with it."
        assert client.get("/models").headers["location"] == "/"


@pytest.mark.parametrize(
    "path", ["/api//sessions", "/api/sessions/", "/api/../api/sessions", "/api/status/../sessions"]
)
def test_other_spellings_of_an_address_open_nothing(served: Served, store: AccessStore, path: str) -> None:
    with paired(served, store, Role.WATCH) as client:
        answer = client.get(path.replace("..", "%2e%2e"))
        assert answer.status_code in {303, 403}, answer.text


def test_a_watcher_stops_the_car_and_nothing_else_that_it_says_is_done(served: Served, store: AccessStore) -> None:
    before = world(served)
    heard(served)
    with paired(served, store, Role.WATCH) as client, socket_of(client) as socket, socket_of(client, "/api/video"):
        # From its answer on, the car can tell how old a sample of this browser is, and would drive by it.
        ping = read(socket, 1, "ping")[0]
        socket.send(json.dumps({"type": "pong", "id": ping["id"], "client_ms": time.perf_counter() * 1000}))
        sample = {**said("sample")[0], "client_ms": time.perf_counter() * 1000}
        socket.send(json.dumps(sample))
        spoken = [message for kind in sorted(KINDS, key="stop".__eq__) for message in said(kind)]
        for message in spoken:
            socket.send(json.dumps(message))
        events: list[Event] = []

        def has_come() -> bool:
            events.extend(heard(served))
            return bool(events)

        wait_for(has_come, "the stop")
        assert {type(event) for event in events} == {Stop}
        refused = [message for message in spoken if message["type"] not in {"stop", "pong", "sample"}]
        assert all("role" in answer["why"] for answer in read(socket, len(refused), "refused"))
        state = read(socket, 1, "state")[0]
        assert (state["role"], state["driver"], state["driver_present"]) == ("watch", False, False)
        assert world(served) == before


def test_a_driver_may_say_all_but_what_calibrates(served: Served, store: AccessStore) -> None:
    with paired(served, store, Role.DRIVE) as client, socket_of(client) as socket:
        for message in (one for kind in sorted(KINDS) for one in said(kind) if one["type"] != "sample"):
            socket.send(json.dumps(message))
        socket.send(json.dumps({"type": "no such message"}))
        refused: list[str] = []
        while not refused or "does not know" not in refused[-1]:
            refused += [answer["why"] for answer in read(socket, 1, "refused")]
        # To arm, to change the mode, and to try an output.
        assert sum("role `own`" in why for why in refused) == 3
        wait_for(lambda: any(isinstance(event, Disarm | DriverLeft) for event in heard(served)), "the driver's acts")


def read(socket: ClientConnection, number: int, kind: str) -> list[dict[str, Any]]:
    """Return the next messages of a kind."""
    found: list[dict[str, Any]] = []
    while len(found) < number:
        message = json.loads(socket.recv(timeout=30))
        found += [message] if message["type"] == kind else []
    return found


def close_code(socket: ClientConnection) -> int | None:
    try:
        while True:
            socket.recv(timeout=30)
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else None


@pytest.mark.parametrize("role", list(Role))
def test_whoever_is_revoked_is_out_at_once_with_all_sockets(served: Served, store: AccessStore, role: Role) -> None:
    with (
        paired(served, store, role, "Ada") as client,
        socket_of(client) as socket,
        socket_of(client, "/api/video") as eye,
    ):
        read(socket, 1, "state")
        heard(served)
        assert store.revoke_name("ada")
        with contextlib.suppress(ConnectionClosed):
            socket.send(json.dumps({"type": "arm", "mode": "manual"}))
        for one in (socket, eye):
            assert close_code(one) == 1008
        assert heard(served) == []
        assert client.get("/api/status").status_code == 401


def test_codes_of_different_pupils_work_at_the_same_time(served: Served, store: AccessStore) -> None:
    with paired(served, store, Role.OWN):
        pass  # The network's listener is there.
    guests = [Guest(f"Pupil {number}", Role.DRIVE) for number in range(12)]
    base = f"http://{own_hosts()[0]}:{served.port}"
    for code in reversed(store.new_codes(guests)):
        with httpx.Client(base_url=base, headers=OURS) as client:
            answer = client.post("/api/pair", json={"code": code, "name": "not my name"})
            if answer.status_code == 429:  # Ten a minute from one address, as any that are tried.
                assert store.redeem(code) is not None
                continue
            assert answer.status_code == 204
            assert client.post("/api/pair", json={"code": code}).status_code in {403, 429}
    assert {guest.name for guest in guests} <= {one.name for one in store.browsers() if one.role is Role.DRIVE}


def test_others_see_who_drives_by_name(served: Served, store: AccessStore) -> None:
    name = "<b>Ada</b> 🚗"
    with (
        paired(served, store, Role.DRIVE, name) as driver,
        paired(served, store, Role.WATCH, "Ben") as watcher,
        socket_of(driver) as wheel,
        socket_of(watcher) as view,
    ):
        wheel.send(json.dumps({"type": "take_over"}))
        wheel.send(json.dumps({"type": "take_over"}))
        while not (state := read(view, 1, "state")[0])["driver_present"]:
            pass
        assert state["driver_name"] == name
        assert read(wheel, 1, "state")[0]["role"] == "drive"


def test_an_owner_lets_someone_in_by_a_qr_code_and_revokes_anyone(served: Served, store: AccessStore) -> None:
    with paired(served, store, Role.OWN, "Teacher") as owner:
        made = owner.post("/api/people", json={"name": " Cleo ", "role": "watch"}).json()
        assert made["address"] == f"{str(owner.base_url).rstrip('/')}/pair#{made['code']}"
        assert made["picture"].startswith("data:image/svg+xml")
        people = owner.get("/api/people").json()
        assert {"name": "Cleo", "role": "watch"} in people["invited"]
        token = store.redeem(made["code"])
        assert token is not None
        number = next(one["number"] for one in owner.get("/api/people").json()["paired"] if one["name"] == "Cleo")
        assert owner.delete(f"/api/people/{number}").status_code == 204
        assert not store.is_paired(token)
        assert owner.delete("/api/people/Teacher").status_code == 404
        assert owner.post("/api/people", json={"name": "x" * 65, "role": "watch"}).status_code == 422
        assert owner.delete(f"/api/people/{people['you']}").status_code == 204
        assert owner.get("/api/people").status_code == 401
    # The car's own machine is the owner all the same.
    assert served.client.get("/people").status_code == 200
