"""Sessions come whole or not at all, whatever happens on the way, and a pull goes on where another one ended."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from car.errors import RecordingError, RemoteError
from car.pairing.certificate import own_certificate
from car.remote import client as client_module
from car.remote import pull as pull_module
from car.remote.client import CarClient
from car.remote.pull import LOCK, PART, Pull
from car.sessions.edits import Edits, FrameRange, edits_path
from car.sessions.originals import PIECE_BYTES
from car.sessions.writer import SessionWriter
from hardware.clock import VirtualClock
from tests.car.remote.between import Forge, Wire, forger
from tests.car.remote.conftest import Far
from tests.car.sessions.recordings import INFO, write_session
from tests.car.sessions.test_writer import largest_file

LONG = hashlib.shake_256(b"long").digest(2 * PIECE_BYTES + 300_000)
SHORT = hashlib.shake_256(b"short").digest(70_000)
IMPATIENT_S = 0.5


def put(far: Far, **sessions: bytes) -> None:
    for name, content in sessions.items():
        (far.sessions / f"{name}.mcap").write_bytes(content)


def pulled(far: Far, here: Path) -> Pull:
    """Pull from the car itself."""
    with far.client() as client:
        pull = Pull(client, here)
        pull.run()
    return pull


def pulled_through(forge: Forge, far: Far, here: Path) -> Pull:
    """Pull from a car that says what ``forge`` makes of it."""
    access = own_certificate(far.store.folder)
    with forger(far.key.place, access.certificate, access.key, forge) as (place, _), far.client(place) as client:
        pull = Pull(client, here)
        pull.run()
    return pull


def names(here: Path) -> list[str]:
    return sorted(path.name for path in here.iterdir() if path.name != LOCK)


def assert_nothing_half(here: Path, content: bytes = LONG) -> None:
    """Check that what is here of a session is all of it, or the beginning of it under a name that no session has."""
    for path in here.iterdir():
        if path.suffix == ".mcap":
            assert path.read_bytes() == (SHORT if path.stem == "a" else content)
        elif path.name.endswith(PART):
            assert content.startswith(path.read_bytes())
        else:
            assert path.name == LOCK


def test_what_is_new_comes_with_what_was_left_out_of_it_and_nothing_comes_twice(far: Far, here: Path) -> None:
    write_session(far.sessions / "a b&c.mcap", frames=40)
    put(far, long=LONG, empty=b"")
    Edits.of([FrameRange(3, 7), FrameRange(5, 9)]).save(far.sessions / "a b&c.mcap")
    first = pulled(far, here)
    assert (first.taken, first.missed, first.present) == (["a b&c", "empty", "long"], [], 0)
    assert names(here) == ["a b&c.edits.json", "a b&c.mcap", "empty.mcap", "long.mcap"]
    for path in far.sessions.iterdir():
        if path.suffix == ".mcap":
            assert (here / path.name).read_bytes() == path.read_bytes()
    assert Edits.load(here / "a b&c.mcap").cuts == (FrameRange(3, 7), FrameRange(5, 9))
    put(far, second=SHORT)
    second = pulled(far, here)
    assert (second.taken, second.present, second.received_bytes) == (["second"], 3, len(SHORT))


def test_all_of_it_comes_over_one_connection(far: Far, here: Path) -> None:
    put(far, long=LONG, short=SHORT)
    with Wire(far.key.place) as wire, far.client(wire.place) as client:
        Pull(client, here).run()
        assert wire.connections == 1


def test_a_session_that_is_being_recorded_is_left_and_said_and_comes_when_it_has_ended(far: Far, here: Path) -> None:
    put(far, short=SHORT)
    with SessionWriter(far.sessions / "now.mcap", INFO, VirtualClock(), min_free_bytes=0):
        pull = pulled(far, here)
    assert (pull.taken, pull.missed) == (["short"], [])
    assert pull.notes == ["now is being recorded. Pull it when that has ended."]
    assert pulled(far, here).taken == ["now"]


@pytest.mark.parametrize("dies_after", [0, 700, 3000, 200_000, PIECE_BYTES - 1])
def test_a_network_that_dies_at_any_byte_leaves_nothing_half_and_the_next_pull_goes_on(
    far: Far, here: Path, dies_after: int
) -> None:
    put(far, long=LONG, a=SHORT)
    with Wire(far.key.place, dies_after=dies_after) as wire, far.client(wire.place) as client:
        pull = Pull(client, here)
        with pytest.raises(RemoteError, match=r"The connection to 127.* broke off .*Run the command again."):
            pull.run()
    assert_nothing_half(here)
    rest = pulled(far, here)
    assert pull.received_bytes + rest.received_bytes == len(LONG) + len(SHORT)
    assert names(here) == ["a.mcap", "long.mcap"]
    assert_nothing_half(here)


@pytest.mark.parametrize("dies_after", [PIECE_BYTES + 200_000, 2_300_000])
def test_a_network_that_dies_now_and_then_only_takes_longer(far: Far, here: Path, dies_after: int) -> None:
    put(far, long=LONG)
    with Wire(far.key.place, dies_after=dies_after) as wire, far.client(wire.place) as client:
        pull = Pull(client, here)
        pull.run()
        assert wire.connections > 1
    assert pull.received_bytes == len(LONG)
    assert_nothing_half(here)


def test_a_car_that_vanishes_is_said_and_what_came_stays(far: Far, here: Path) -> None:
    put(far, long=LONG)
    with Wire(far.key.place) as wire, far.client(wire.place) as client:
        pull = Pull(client, here)
        with pytest.raises(RemoteError, match=r"Nothing listens at 127.*car drive --tls"):
            pull.run(lambda done: wire.vanish() if done > 0 else None)
    assert_nothing_half(here)
    assert pull.received_bytes == PIECE_BYTES
    assert pulled(far, here).received_bytes == len(LONG) - PIECE_BYTES


@pytest.mark.parametrize("freezes_after", [0, 3000, 1_500_000])
def test_a_car_that_freezes_is_not_waited_for_for_ever(far: Far, here: Path, freezes_after: int) -> None:
    put(far, long=LONG)
    with (
        Wire(far.key.place, freezes_after=freezes_after) as wire,
        far.client(wire.place, IMPATIENT_S) as client,
        pytest.raises(RemoteError, match=r"has said nothing for 0.5 s"),
    ):
        Pull(client, here).run()
    assert_nothing_half(here)


def test_an_answer_that_drips_for_ever_is_not_waited_for_either(
    far: Far, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "MAX_ANSWER_S", -1.0)
    with pytest.raises(RemoteError, match="the answer has no end"):
        pulled(far, here)


@pytest.mark.parametrize("flips", [30, 900_000])
def test_a_byte_that_is_flipped_on_the_way_never_arrives_as_a_session(far: Far, here: Path, flips: int) -> None:
    put(far, long=LONG)
    with (
        Wire(far.key.place, flips=flips) as wire,
        far.client(wire.place) as client,
        contextlib.suppress(RemoteError),
    ):
        Pull(client, here).run()
    assert_nothing_half(here)


@pytest.mark.parametrize(("damaged", "comes"), [(1, True), (99, False)])
def test_a_piece_that_arrives_damaged_is_asked_for_again_and_not_for_ever(
    far: Far, here: Path, damaged: int, *, comes: bool
) -> None:
    put(far, long=LONG)
    access = own_certificate(far.store.folder)
    left = [damaged]

    def forge(path: str, content: bytes) -> bytes:
        if "/1?" in path and left[0]:
            left[0] -= 1
            return content[:-1] + bytes([content[-1] ^ 1])
        return content

    with forger(far.key.place, access.certificate, access.key, forge) as (place, _), far.client(place) as client:
        pull = Pull(client, here)
        if comes:
            pull.run()
        else:
            with pytest.raises(RemoteError, match="long arrived damaged 3 times"):
                pull.run()
    assert pull.taken == (["long"] if comes else [])
    assert_nothing_half(here)


def test_what_a_crash_has_left_of_a_session_is_checked_before_it_is_gone_on_from(far: Far, here: Path) -> None:
    put(far, long=LONG)
    with Wire(far.key.place) as wire, far.client(wire.place) as client, pytest.raises(RemoteError):
        Pull(client, here).run(lambda done: wire.vanish() if done > 0.7 else None)
    [part] = here.glob(f"*{PART}")
    assert part.stat().st_size == 2 * PIECE_BYTES
    with part.open("r+b") as file:
        file.seek(PIECE_BYTES + 100)
        file.write(bytes(500))
    rest = pulled(far, here)
    assert rest.received_bytes == len(LONG) - PIECE_BYTES
    assert_nothing_half(here)


def test_a_full_disk_is_said_and_the_pull_goes_on_when_there_is_room(far: Far, here: Path) -> None:
    put(far, a=SHORT, long=LONG)
    with far.client() as client, largest_file(PIECE_BYTES + 5000):
        pull = Pull(client, here)
        with pytest.raises(RecordingError, match=r"long.mcap cannot be written .*Free some space"):
            pull.run()
    assert pull.taken == ["a"]
    assert LONG.startswith(next(here.glob(f"*{PART}")).read_bytes())
    assert pulled(far, here).received_bytes < len(LONG)
    assert (here / "long.mcap").read_bytes() == LONG


def test_a_disk_with_too_little_room_is_seen_before(far: Far, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(far, long=LONG)
    monkeypatch.setattr(pull_module, "RESERVE_BYTES", shutil.disk_usage(here.parent).total)
    with pytest.raises(RecordingError, match=r"long has 2 MB, and this disk"):
        pulled(far, here)


def test_two_pulls_into_one_folder_do_not_get_in_each_others_way(far: Far, here: Path) -> None:
    put(far, long=LONG)
    refused: list[str] = []

    def pull_too(_: float) -> None:
        try:
            pulled(far, here)
        except RemoteError as error:
            refused.append(str(error))

    with far.client() as client:
        Pull(client, here).run(pull_too)
    assert set(refused) == {f"Another `car pull` is filling {here}. Wait until it has ended."}
    assert_nothing_half(here)
    assert pulled(far, here).present == 1


def deleted(path: Path) -> None:
    path.unlink()


def replaced(path: Path) -> None:
    path.write_bytes(LONG[::-1])


@pytest.mark.parametrize(
    ("happens", "word"), [(deleted, "There is no session 'long'"), (replaced, "has changed on the car")]
)
def test_a_session_that_goes_in_the_middle_is_said_and_the_next_one_comes(
    far: Far, here: Path, happens: Callable[[Path], None], word: str
) -> None:
    put(far, long=LONG, second=SHORT)
    pending = [far.sessions / "long.mcap"]
    with far.client() as client:
        pull = Pull(client, here)
        pull.run(lambda done: happens(pending.pop()) if done > 0 and pending else None)
    assert pull.taken == ["second"]
    [sentence] = pull.missed
    assert sentence.startswith("long did not come: ")
    assert word in sentence
    assert "long.mcap" not in names(here)


def test_what_was_fetched_of_an_earlier_state_is_neither_used_nor_kept(far: Far, here: Path) -> None:
    put(far, long=LONG)
    pending = [far.sessions / "long.mcap"]
    with far.client() as client:
        Pull(client, here).run(lambda done: replaced(pending.pop()) if done > 0 and pending else None)
    assert pulled(far, here).taken == ["long"]
    assert names(here) == ["long.mcap"]
    assert (here / "long.mcap").read_bytes() == LONG[::-1]


def test_another_session_of_the_same_name_gets_a_number(far: Far, here: Path) -> None:
    put(far, same=LONG)
    here.mkdir()
    (here / "same.mcap").write_bytes(SHORT)
    assert pulled(far, here).taken == ["same-2"]
    assert pulled(far, here).present == 1
    assert (here / "same.mcap").read_bytes() == SHORT


def test_a_session_that_appears_here_meanwhile_keeps_its_name_and_its_cuts(far: Far, here: Path) -> None:
    put(far, same=LONG)
    ours = Edits.of([FrameRange(5, 6)])

    def record_one(_: float) -> None:
        (here / "same.mcap").write_bytes(SHORT)
        ours.save(here / "same.mcap")

    with far.client() as client:
        pull = Pull(client, here)
        pull.run(record_one)
    assert pull.missed == ["same.mcap has appeared here meanwhile. Pull it again."]
    assert ((here / "same.mcap").read_bytes(), Edits.load(here / "same.mcap")) == (SHORT, ours)
    again = pulled(far, here)
    assert (again.taken, again.received_bytes) == (["same-2"], 0)
    assert (here / "same-2.mcap").read_bytes() == LONG


def test_a_crash_between_a_sessions_name_and_the_end_of_its_part_leaves_one_file_of_it(far: Far, here: Path) -> None:
    put(far, long=LONG)
    with Wire(far.key.place) as wire, far.client(wire.place) as client, pytest.raises(RemoteError):
        Pull(client, here).run(lambda done: wire.vanish() if done > 0.7 else None)
    [part] = here.glob(f"*{PART}")
    part.write_bytes(LONG)
    os.link(part, here / "renamed.mcap")
    assert pulled(far, here).received_bytes == len(LONG)
    assert (here / "long.mcap").stat().st_nlink == 1
    assert (here / "renamed.mcap").read_bytes() == (here / "long.mcap").read_bytes() == LONG
    shutil.copy(here / "long.mcap", part)
    assert pulled(far, here).present == 1
    assert not part.exists()


def test_a_session_that_was_thrown_away_here_does_not_come_back(far: Far, here: Path) -> None:
    put(far, short=SHORT)
    (here / ".trash" / "short").mkdir(parents=True)
    (here / ".trash" / "short" / "short.mcap").write_bytes(SHORT)
    (here / ".trash" / "long-2~1").mkdir()
    (here / ".trash" / "long-2~1" / "long-2.mcap").write_bytes(LONG)
    put(far, long=LONG)
    pull = pulled(far, here)
    assert pull.taken == []
    assert pull.notes == [f"{name} is in the trash here, and stays there." for name in ("long", "short")]


def test_a_session_whose_cuts_cannot_be_read_does_not_come_without_them(far: Far, here: Path) -> None:
    put(far, short=SHORT)
    edits_path(far.sessions / "short.mcap").write_text("nonsense")
    pull = pulled(far, here)
    assert pull.taken == []
    assert "is not a list of edits" in pull.missed[0]


def test_later_cuts_come_too_and_never_take_the_place_of_ones_own(far: Far, here: Path) -> None:
    put(far, a=LONG, b=SHORT, c=SHORT[1:])
    pulled(far, here)
    theirs, ours = Edits.of([FrameRange(1, 2)]), Edits.of([FrameRange(5, 6)])
    for name in "ab":
        theirs.save(far.sessions / f"{name}.mcap")
    for name in "bc":
        ours.save(here / f"{name}.mcap")
    pull = pulled(far, here)
    assert [Edits.load(here / f"{name}.mcap") for name in "abc"] == [theirs, ours, ours]
    assert [Edits.load(far.sessions / f"{name}.mcap") for name in "abc"] == [theirs, theirs, Edits()]
    assert [note.partition(";")[0] for note in pull.notes] == [
        "a is cut as on the car now.",
        "b is cut otherwise here than on the car",
    ]


def test_a_sync_takes_ones_own_cuts_to_the_car(far: Far, here: Path) -> None:
    put(far, a=LONG, b=SHORT)
    pulled(far, here)
    theirs, ours = Edits.of([FrameRange(1, 2)]), Edits.of([FrameRange(5, 6), FrameRange(6, 9)])
    theirs.save(far.sessions / "b.mcap")
    for name in "ab":
        ours.save(here / f"{name}.mcap")
    with far.client() as client:
        Pull(client, here, both_ways=True).run()
    assert Edits.load(far.sessions / "a.mcap").cuts == ours.cuts
    assert Edits.load(far.sessions / "b.mcap") == theirs


@pytest.mark.parametrize("name", ["../evil", "a/b", ".hidden", "C:evil", "", "a\\b", "a\u202eb", "a\x9bb", "一" * 90])
def test_no_name_leads_out_of_the_folder(far: Far, here: Path, name: str) -> None:
    put(far, short=SHORT)

    def forge(path: str, content: bytes) -> bytes:
        return content.replace(b'"short"', b'"' + name.replace("\\", "\\\\").encode() + b'"')

    pull = pulled_through(forge, far, here)
    assert (names(here), pull.taken) == ([], [])
    assert "cannot be a file's name" in pull.missed[0]


def test_a_name_that_is_no_text_keeps_no_other_session_from_coming(far: Far, here: Path) -> None:
    put(far, short=SHORT)
    Path(os.fsdecode(os.fsencode(far.sessions) + b"/bad\xff.mcap")).write_bytes(SHORT)
    assert pulled(far, here).taken == ["short"]


@pytest.mark.parametrize("size", [-1, 10**400, 2**60], ids=["none", "endless", "huge"])
def test_a_size_that_no_session_has_is_said(far: Far, here: Path, size: int) -> None:
    put(far, short=SHORT)

    def forge(path: str, content: bytes) -> bytes:
        return content.replace(b'"bytes":70000', b'"bytes":%d' % size)

    pull = pulled_through(forge, far, here)
    assert (names(here), pull.taken) == ([], [])
    assert "its size is that of no session" in pull.missed[0]


def test_what_a_car_says_of_a_session_moves_no_cursor(far: Far, here: Path) -> None:
    put(far, short=SHORT)

    def forge(path: str, content: bytes) -> bytes:
        return content.replace(b'"problem":""', b'"problem":"it is \\u001b[2Jbad."')

    pull = pulled_through(forge, far, here)
    assert pull.missed == ["short did not come: it is [2Jbad."]


@pytest.mark.parametrize("answer", [b"", b"[1]", b"<html>", b'[{"name": "a"}]'])
def test_an_answer_that_makes_no_sense_is_said(far: Far, here: Path, answer: bytes) -> None:
    access = own_certificate(far.store.folder)
    with (
        forger(far.key.place, access.certificate, access.key, lambda *_: answer) as (place, _),
        far.client(place) as client,
        pytest.raises(RemoteError, match="something else than a list of sessions"),
    ):
        Pull(client, here).run()


def test_a_revoked_key_is_said_and_lets_nobody_in(far: Far, here: Path) -> None:
    put(far, short=SHORT)
    token = far.store.redeem(far.store.new_code(), "lost laptop")
    assert token is not None
    number = next(browser.number for browser in far.store.browsers() if browser.name == "lost laptop")
    with CarClient.of(replace(far.key, token=token)) as client:
        assert far.store.revoke(number)
        with pytest.raises(RemoteError, match=r"does not let this laptop in any more.*car pair-with"):
            Pull(client, here).run()
    assert names(here) == []


def test_a_car_with_another_certificate_hears_nothing(far: Far, here: Path, tmp_path: Path) -> None:
    other = own_certificate(tmp_path)
    with (
        forger(far.key.place, other.certificate, other.key, lambda _, content: content) as (place, asked),
        far.client(place) as client,
        pytest.raises(RemoteError, match=r"another certificate than the one it must have.*pair-with"),
    ):
        Pull(client, here).run()
    assert asked == []
