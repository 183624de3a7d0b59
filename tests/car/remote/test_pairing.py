"""A laptop gets a key of its own for the code, keeps it to itself, and is listed and revoked like a phone."""

from __future__ import annotations

import os
import pty
import socket
import stat
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from car.errors import RemoteError
from car.remote.keys import Key, KeyRing, Place
from car.remote.pairing import fingerprint_of, pair_with, unpair
from tests.car.remote.between import Wire
from tests.car.remote.conftest import Far
from tests.system.car_process import CAR, PATIENCE_S

FINGERPRINT = ":".join(["0A"] * 32)


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    return KeyRing(tmp_path / "config" / "pocketpilot" / "cars")


def run(tmp_path: Path, *arguments: str, code: str = "") -> subprocess.CompletedProcess[str]:
    """Run ``car`` on a laptop of its own, with ``code`` on its standard input."""
    env = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path / "config")}
    return subprocess.run(
        [str(CAR), *arguments], cwd=tmp_path, env=env, input=code, capture_output=True, text=True, timeout=300
    )


def refused(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 1, done
    [line] = [line for line in done.stderr.splitlines() if line.startswith("car: ")]
    assert "Traceback" not in done.stderr
    return line


def test_a_laptop_is_paired_once_fetches_pushes_and_is_unpaired_by_commands(far: Far, tmp_path: Path) -> None:
    (far.sessions / "first.mcap").write_bytes(b"a session" * 1000)
    place, code = str(far.key.place), far.store.new_code()
    done = run(tmp_path, "pair-with", place, "--fingerprint", far.key.fingerprint, code=f"{code}\n")
    assert done.returncode == 0, done
    [path] = (tmp_path / "config" / "pocketpilot" / "cars").glob("*.json")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert code not in path.read_text() + done.stdout + done.stderr
    assert f"laptop {socket.gethostname()}"[:64] in [browser.name for browser in far.store.browsers()]
    done = run(tmp_path, "pull")
    assert done.returncode == 0, done
    assert f"{place}: 1 new sessions, 0.0 MB; 0 were here already." in done.stdout
    assert (tmp_path / "mycar" / "sessions" / "first.mcap").read_bytes() == b"a session" * 1000
    done = run(tmp_path, "push", "simulated-lane", "all", "--name", "lane", "--activate")
    assert done.returncode == 0, done
    assert f"{place}: lane drives now." in done.stdout
    assert run(tmp_path, "pair-with", place, "--forget").returncode == 0
    assert "is paired with no car" in refused(run(tmp_path, "pull"))


def test_a_car_of_several_that_fails_does_not_hold_up_the_others(far: Far, tmp_path: Path, ring: KeyRing) -> None:
    (far.sessions / "first.mcap").write_bytes(b"a session" * 1000)
    ring.keep(Key(Place("127.0.0.1", 1), "token", FINGERPRINT))
    ring.keep(far.key)
    assert "several cars: 127.0.0.1:1" in refused(run(tmp_path, "sync"))
    done = run(tmp_path, "sync", "all")
    assert "Nothing listens at 127.0.0.1:1" in refused(done)
    assert "1 new sessions" in done.stdout


def test_nobody_who_pipes_a_code_in_trusts_a_certificate_unseen(far: Far, tmp_path: Path) -> None:
    code = far.store.new_code()
    assert "--fingerprint" in refused(run(tmp_path, "pair-with", str(far.key.place), code=code))
    assert far.store.redeem(code) is not None, "the code was sent"


def test_in_a_terminal_the_certificate_is_shown_and_a_no_ends_it(far: Far, tmp_path: Path) -> None:
    terminal, inside = pty.openpty()
    env = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path / "config")}
    with subprocess.Popen(
        [str(CAR), "pair-with", str(far.key.place)],
        env=env,
        stdin=inside,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        os.write(terminal, b"n\n")
        output, errors = process.communicate(timeout=PATIENCE_S)
    os.close(inside)
    os.close(terminal)
    assert far.key.fingerprint in output.decode()
    assert process.returncode == 1
    assert b"Nothing was sent" in errors


def test_a_wrong_certificate_ends_it_before_the_code_is_asked_for(far: Far) -> None:
    with pytest.raises(RemoteError, match="Nothing was sent"):
        fingerprint_of(far.key.place, FINGERPRINT)
    assert fingerprint_of(far.key.place, far.key.fingerprint.lower().replace(":", "")) == far.key.fingerprint


def test_a_wrong_code_is_said_and_no_key_is_kept(far: Far, ring: KeyRing) -> None:
    with pytest.raises(RemoteError, match="This code is wrong, used or too old"):
        pair_with(ring, far.key.place, far.key.fingerprint, "AAAA-AAAA-AAAA-AAAA")
    assert ring.keys() == []


def test_a_folder_that_takes_no_key_is_seen_before_the_code_is_spent(far: Far, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code = far.store.new_code()
    with pytest.raises(RemoteError, match="cannot be written"):
        pair_with(KeyRing(tmp_path / "file" / "cars"), far.key.place, far.key.fingerprint, code)
    assert far.store.redeem(code) is not None


def test_a_laptop_that_is_unpaired_is_out_on_the_car_too(far: Far, ring: KeyRing) -> None:
    pair_with(ring, far.key.place, far.key.fingerprint, far.store.new_code())
    [key] = ring.find(None)
    assert far.store.is_paired(key.token)
    unpair(ring, key)
    assert not far.store.is_paired(key.token)
    assert ring.keys() == []


def test_the_key_of_a_car_that_is_gone_or_has_revoked_it_can_be_thrown_away(far: Far, ring: KeyRing) -> None:
    gone = Key(Place("127.0.0.1", 1), "token", FINGERPRINT)
    ring.keep(gone)
    with pytest.raises(RemoteError, match=r"Nothing listens .* key is thrown away"):
        unpair(ring, gone)
    revoked = replace(far.key, token="revoked")  # noqa: S106 - it opens nothing
    ring.keep(revoked)
    unpair(ring, revoked)
    assert ring.keys() == []


@pytest.mark.parametrize("host", ["a..b", ".a", "a." + "b" * 64, "-a"])
def test_what_cannot_be_a_host_is_said(host: str) -> None:
    with pytest.raises(RemoteError, match="is no host"):
        Place.of(host)


def test_a_car_without_https_is_refused_with_what_to_do(tmp_path: Path) -> None:
    import http.server
    import threading

    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        with pytest.raises(RemoteError, match=r"speaks no HTTPS. Start the car there with `car drive --tls`"):
            fingerprint_of(Place("127.0.0.1", server.server_address[1]), None)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_network_that_dies_in_the_middle_keeps_no_key(far: Far, ring: KeyRing) -> None:
    with Wire(far.key.place, dies_after=1200) as wire, pytest.raises(RemoteError, match="broke off"):
        pair_with(ring, wire.place, far.key.fingerprint, "AAAA-AAAA-AAAA-AAAA")
    assert ring.keys() == []


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("192.168.1.20", Place("192.168.1.20", 8887)),
        ("MyCar.local:9000", Place("mycar.local", 9000)),
        ("https://10.0.0.1:8888/pair", Place("10.0.0.1", 8888)),
    ],
)
def test_a_host_may_be_written_in_several_ways(text: str, place: Place) -> None:
    assert Place.of(text) == place


@pytest.mark.parametrize("text", ["", "a b", "-x", "host:port", "http://", "[::1", "x;y", "a:99999999"])
def test_what_is_no_host_is_said(text: str) -> None:
    with pytest.raises(RemoteError, match="is no host"):
        Place.of(text)


def test_an_address_with_a_code_in_it_is_refused_since_others_see_what_one_types() -> None:
    with pytest.raises(RemoteError, match="Leave it out"):
        Place.of("https://10.0.0.1:8887/pair#ABCD-EFGH-JKMN-PQRS")


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"place": {"host": "a", "port": 1}, "token": "t", "fingerprint": ""}']
)
def test_a_broken_key_is_named(ring: KeyRing, content: str) -> None:
    ring.keep(Key(Place("a", 1), "token", FINGERPRINT))
    [path] = ring._folder.glob("*.json")
    path.write_text(content)
    with pytest.raises(RemoteError, match=r"a-1.json is no key of a car. Delete it"):
        ring.keys()


def test_a_key_shows_no_secret(ring: KeyRing) -> None:
    assert "secret" not in repr(Key(Place("a", 1), "secret", FINGERPRINT))


def test_a_car_is_found_by_its_host_alone_where_there_is_only_one(ring: KeyRing) -> None:
    keys = [Key(Place("a", 9000), "1", FINGERPRINT), Key(Place("b", 8887), "2", FINGERPRINT)]
    for key in (*keys, Key(Place("b", 8888), "3", FINGERPRINT)):
        ring.keep(key)
    assert ring.find("a") == [keys[0]]
    assert ring.find("b") == [keys[1]]
    assert len(ring.find("all")) == 3
    for host in ("c", "a:8887"):
        with pytest.raises(RemoteError, match=f"not paired with {host}"):
            ring.find(host)
