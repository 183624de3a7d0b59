"""A code lets one browser in, once and for a while; the disk keeps hashes alone."""

import errno
import json
import os
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from car.errors import AccessError
from car.pairing.roles import Role
from car.pairing.store import CODE_VALID_NS, MAX_BROWSERS, MAX_CODES, AccessStore, Guest, ServerAddress
from hardware.clock import NS_PER_S, VirtualClock


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(1000 * NS_PER_S)


@pytest.fixture
def store(tmp_path: Path, clock: VirtualClock) -> AccessStore:
    return AccessStore(tmp_path, clock)


def paired(store: AccessStore) -> str:
    token = store.redeem(store.new_code())
    assert token is not None
    return token


def test_the_right_code_lets_a_browser_in_once(store: AccessStore) -> None:
    code = store.new_code()
    token = store.redeem(code)
    assert token is not None
    assert store.is_paired(token)
    assert store.redeem(code) is None


def test_of_many_who_come_with_the_same_code_at_the_same_time_one_gets_in(store: AccessStore) -> None:
    code = store.new_code()
    with ThreadPoolExecutor(8) as pool:
        tokens = [token for token in pool.map(store.redeem, [code] * 8) if token is not None]
    assert len(tokens) == 1
    assert store.is_paired(tokens[0])


def test_the_network_stays_open_from_the_code_to_the_browser_that_it_let_in(
    store: AccessStore, tmp_path: Path, clock: VirtualClock
) -> None:
    watcher, closed, done = AccessStore(tmp_path, clock), [], threading.Event()
    code = store.new_code()

    def watch() -> None:
        while not done.is_set():
            closed.append(not watcher.opens_network())

    thread = threading.Thread(target=watch)
    thread.start()
    store.redeem(code)
    done.set()
    thread.join()
    assert not any(closed)


def test_a_code_may_be_typed_in_small_letters_and_without_dashes(store: AccessStore) -> None:
    assert store.redeem(f" {store.new_code().lower().replace('-', '')} ") is not None


@pytest.mark.parametrize("wrong", ["", "AAAA-AAAA-AAAA-AAAA", "\ud800", "é" * 64])
def test_any_other_code_lets_nobody_in_and_leaves_the_right_one_valid(store: AccessStore, wrong: str) -> None:
    code = store.new_code()
    assert store.redeem(wrong) is None
    assert store.redeem(code) is not None


def test_a_code_is_valid_for_ten_minutes_and_until_the_machine_is_started_again(
    store: AccessStore, clock: VirtualClock, tmp_path: Path
) -> None:
    code = store.new_code()
    clock.advance_ns(CODE_VALID_NS)
    assert store.opens_network()
    clock.advance_ns(1)
    assert not store.opens_network()
    assert store.redeem(code) is None
    code = store.new_code()
    assert AccessStore(tmp_path, VirtualClock()).redeem(code) is None


def test_a_code_of_an_earlier_start_of_the_machine_is_not_valid_again_when_the_clock_comes_round_to_it(
    tmp_path: Path, clock: VirtualClock
) -> None:
    code = AccessStore(tmp_path, clock, boot="yesterday").new_code()
    today = AccessStore(tmp_path, clock, boot="today")
    assert not today.opens_network()
    assert today.redeem(code) is None


def test_a_new_code_replaces_the_one_before(store: AccessStore) -> None:
    old, new = store.new_code(), store.new_code()
    assert store.redeem(old) is None
    assert store.redeem(new) is not None


def test_the_network_is_open_while_a_browser_is_paired_or_about_to_be(store: AccessStore) -> None:
    assert not store.opens_network()
    store.new_code()
    assert store.opens_network()
    store.forget_all()
    assert not store.opens_network()
    token = paired(store)
    assert store.opens_network()
    store.forget(token)
    assert not store.opens_network()
    assert not store.is_paired(token)


def test_forgetting_one_browser_leaves_the_others(store: AccessStore) -> None:
    first, second = paired(store), paired(store)
    store.forget(first)
    assert not store.is_paired(first)
    assert store.is_paired(second)
    store.forget_all()
    assert not store.is_paired(second)


def test_what_another_process_pairs_or_forgets_is_seen_at_once(tmp_path: Path, clock: VirtualClock) -> None:
    here, there = AccessStore(tmp_path, clock), AccessStore(tmp_path, clock)
    token = paired(here)
    assert there.is_paired(token)
    here.forget_all()
    assert not there.is_paired(token)


def test_who_is_forgotten_while_another_browser_is_paired_or_leaves_stays_forgotten(
    tmp_path: Path, clock: VirtualClock
) -> None:
    server, command = AccessStore(tmp_path, clock), AccessStore(tmp_path, clock)
    with ThreadPoolExecutor(3) as pool:
        for _ in range(40):
            stranger, guest = paired(server), paired(server)
            code = server.new_code()
            acts = (
                pool.submit(server.redeem, code),
                pool.submit(server.forget, guest),
                pool.submit(command.forget_all),
            )
            for act in acts:
                act.result()
            assert not server.is_paired(stranger)


def test_the_oldest_browsers_make_room(store: AccessStore) -> None:
    tokens = [paired(store) for _ in range(MAX_BROWSERS + 1)]
    assert not store.is_paired(tokens[0])
    assert store.is_paired(tokens[1])
    assert store.is_paired(tokens[-1])


def test_the_disk_has_no_secret_and_shows_what_it_has_to_its_owner_only(store: AccessStore, tmp_path: Path) -> None:
    code = store.new_code()
    token = paired(store)
    unused = store.new_code()
    store.announce(ServerAddress(8887, tls=False))
    folder = tmp_path / "access"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    names = {path.name for path in folder.iterdir()}
    assert names == {"code.json", "browsers.json", "server.json"}
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        content = path.read_text()
        for secret in (code, token, unused, unused.replace("-", "")):
            assert secret not in content


@pytest.mark.parametrize("content", ["", "[]", "{", '{"sha256": 7}', '{"sha256": [7]}', '{"sha256": "a"}'])
def test_broken_files_let_nobody_in(store: AccessStore, tmp_path: Path, content: str) -> None:
    token = paired(store)
    for name in ("code.json", "browsers.json", "server.json"):
        (tmp_path / "access" / name).write_text(content)
    assert not store.is_paired(token)
    assert store.redeem("a") is None
    assert store.running_server() is None
    assert not store.opens_network()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, clock: VirtualClock) -> None:
    (tmp_path / "access").write_text("not a folder")
    with pytest.raises(AccessError, match="access"):
        AccessStore(tmp_path, clock).new_code()


def test_a_server_that_does_not_answer_is_not_running(store: AccessStore) -> None:
    store.announce(ServerAddress(1, tls=False))
    assert store.running_server() is None


def test_browsers_and_laptops_are_listed_by_name_and_revoked_one_by_one(store: AccessStore) -> None:
    tokens = [store.redeem(store.new_code(), name) for name in ("laptop anna", "", "a\nb\x1b[31m" + "c" * 100)]
    listed = store.browsers()
    assert [browser.name for browser in listed] == ["laptop anna", "", "ab[31m" + "c" * 58]
    assert store.revoke(listed[0].number)
    assert not store.revoke(listed[0].number)
    assert [store.is_paired(str(token)) for token in tokens] == [False, True, True]
    assert store.browsers() == listed[1:]
    assert all(listed[1].number not in str(token) for token in tokens)


def test_browsers_that_were_paired_before_they_had_names_stay_paired(store: AccessStore, tmp_path: Path) -> None:
    token = paired(store)
    path = tmp_path / "access" / "browsers.json"
    path.write_text(json.dumps({"sha256": json.loads(path.read_text())["sha256"]}))
    another = paired(store)
    assert store.is_paired(token)
    assert store.is_paired(another)
    assert [browser.name for browser in store.browsers()] == ["", ""]


@pytest.mark.parametrize("names", ["5", "[]", '{"a": 5}'])
def test_names_that_make_no_sense_keep_nobody_out(store: AccessStore, tmp_path: Path, names: str) -> None:
    token = paired(store)
    path = tmp_path / "access" / "browsers.json"
    path.write_text(path.read_text()[:-1].replace('"names": {}', f'"names": {names}') + "}")
    assert store.is_paired(token)
    assert [browser.name for browser in store.browsers()] == [""]


def test_codes_of_several_names_are_valid_at_once_and_give_their_name_and_role(store: AccessStore) -> None:
    guests = [Guest("Ada", Role.DRIVE), Guest("Ben", Role.WATCH), Guest("", Role.OWN)]
    codes = store.new_codes(guests)
    tokens = [store.redeem(code, "what a device calls itself") for code in reversed(codes)]
    assert None not in tokens
    assert [(one.name, one.role) for one in store.browsers()] == [
        ("what a device calls itself", Role.OWN),
        ("Ben", Role.WATCH),
        ("Ada", Role.DRIVE),
    ]
    assert [store.redeem(code) for code in codes] == [None] * 3


def test_a_new_code_for_a_name_replaces_the_one_before_and_no_other(store: AccessStore) -> None:
    ben, old, new = (store.new_code(Guest(name, Role.DRIVE)) for name in ("Ben", "Ada", "ada"))
    assert store.redeem(old) is None
    assert store.redeem(new) is not None
    assert store.redeem(ben) is not None


def test_each_code_is_valid_for_as_long_as_it_was_made_for(store: AccessStore, clock: VirtualClock) -> None:
    short, long = store.new_code(Guest("Ada")), store.new_code(Guest("Ben"), 6 * CODE_VALID_NS)
    clock.advance_ns(CODE_VALID_NS + 1)
    assert [guest.name for guest in store.waiting()] == ["Ben"]
    assert store.redeem(short) is None
    assert store.redeem(long) is not None


def test_two_of_one_name_in_a_class_are_refused_and_no_code_is_made(store: AccessStore) -> None:
    with pytest.raises(AccessError, match="comes twice"):
        store.new_codes([Guest("Ada"), Guest("Ben"), Guest("ADA")])
    assert store.waiting() == []


@pytest.mark.parametrize("name", ["x" * 65, "a\nb", "\x1b[31m", " Ada"])
def test_a_name_that_is_none_is_refused(store: AccessStore, name: str) -> None:
    with pytest.raises(AccessError, match="is no name"):
        store.new_code(Guest(name))


def test_a_name_may_have_any_letters(store: AccessStore) -> None:
    for name in ("Ben 🚗", "<script>alert(1)</script>", "Zoë", "李"):
        store.redeem(store.new_code(Guest(name, Role.WATCH)))
        assert store.browsers()[-1].name == name


def test_a_name_revokes_all_its_devices_and_its_unused_code(store: AccessStore) -> None:
    tokens = [str(store.redeem(store.new_code(Guest(name, Role.DRIVE)))) for name in ("Ada", "ada", "Ben")]
    unused = store.new_code(Guest("Ada"))
    assert store.revoke_name(" ADA")
    assert [store.is_paired(token) for token in tokens] == [False, False, True]
    assert store.redeem(unused) is None
    assert not store.revoke_name("Ada")
    assert not store.revoke_name("")


def test_those_who_were_paired_before_there_were_roles_own_the_car(store: AccessStore, tmp_path: Path) -> None:
    tokens = [paired(store), str(store.redeem(store.new_code(Guest("Ada", Role.WATCH))))]
    path = tmp_path / "access" / "browsers.json"
    path.write_text(json.dumps({key: value for key, value in json.loads(path.read_text()).items() if key != "roles"}))
    another = str(store.redeem(store.new_code(Guest("Ben", Role.WATCH))))
    assert [found.role for token in [*tokens, another] if (found := store.browser(token))] == ["own", "own", "watch"]


@pytest.mark.parametrize("roles", ["5", "{}", '{"%s": "king"}', '{"%s": 5}', "null"])
def test_roles_that_make_no_sense_are_the_least(store: AccessStore, tmp_path: Path, roles: str) -> None:
    token = paired(store)
    path = tmp_path / "access" / "browsers.json"
    content = json.loads(path.read_text())
    roles = roles.replace("%s", content["sha256"][0])
    path.write_text(json.dumps({**content, "roles": json.loads(roles)}))
    found = store.browser(token)
    assert found is not None
    assert found.role is Role.WATCH


def test_a_code_of_an_older_version_lets_its_owner_in(store: AccessStore, tmp_path: Path) -> None:
    code = store.new_code()
    path = tmp_path / "access" / "code.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps({key: content[key] for key in ("sha256", "made_ns", "boot")}))
    token = store.redeem(code)
    assert token is not None
    assert [one.role for one in store.browsers()] == [Role.OWN]


def test_guests_make_room_before_an_owner_does(store: AccessStore) -> None:
    owner = paired(store)
    guests = [str(store.redeem(store.new_code(Guest(f"Pupil {number}", Role.DRIVE)))) for number in range(MAX_BROWSERS)]
    assert store.is_paired(owner)
    assert [store.is_paired(token) for token in guests] == [False] + [True] * (MAX_BROWSERS - 1)


def test_there_are_so_many_codes_at_once_and_no_more(store: AccessStore, clock: VirtualClock) -> None:
    store.new_codes([Guest(f"Pupil {number}") for number in range(MAX_CODES)])
    with pytest.raises(AccessError, match="at most"):
        store.new_code(Guest("one more"))
    clock.advance_ns(CODE_VALID_NS + 1)
    store.new_code(Guest("one more"))
    assert [guest.name for guest in store.waiting()] == ["one more"]


def test_a_full_disk_spends_no_code_and_lets_nobody_in(
    store: AccessStore, clock: VirtualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = store.new_code(Guest("Ada", Role.DRIVE))
    before = sorted(path.name for path in (tmp_path / "access").iterdir())
    with monkeypatch.context() as patch:
        patch.setattr("car.pairing.store.publish", _refuse_for_want_of_room)
        with pytest.raises(AccessError, match=r"No space left on device.*free space"):
            store.redeem(code)
        with pytest.raises(AccessError, match="No space left"):
            store.new_codes([Guest("Ben"), Guest("Cleo")])
    assert sorted(path.name for path in (tmp_path / "access").iterdir()) == before
    assert store.browsers() == []
    assert AccessStore(tmp_path, clock).redeem(code) is not None


def _refuse_for_want_of_room(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
