"""The sessions' API, on the real server."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterator
from dataclasses import replace

import pytest

from car.sessions import EncodedFrame, SessionWriter
from car.telemetry.telemetry import Processor, Supply, Telemetry
from hardware.clock import NS_PER_S, VirtualClock
from hardware.drivetrain import Command
from tests.car.sessions.recordings import INFO, START_NS, frame_of, record_of, session_bytes, write_session
from tests.car.web.serving import Served, serving
from tests.frames import make_frame, make_record


@pytest.fixture(scope="module")
def one_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("web") / "mycar") as served:
        yield served


@pytest.fixture
def served(one_server: Served) -> Served:
    """A car with a session of 40 frames called "a b&c", and one of ten called "second"."""
    folder = one_server.folder.sessions_dir
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    write_session(folder / "a b&c.mcap", frames=40)
    write_session(folder / "second.mcap", frames=10)
    return one_server


NAME = "sessions/a%20b%26c"


def test_sessions_are_listed(served: Served) -> None:
    rows = served.client.get("sessions").json()
    assert [row["name"] for row in rows] == ["second", "a b&c"]
    assert rows[1] == {
        "name": "a b&c",
        "bytes": (served.folder.sessions_dir / "a b&c.mcap").stat().st_size,
        "frames": 40,
        "seconds": pytest.approx(1.95),
        "laps": 0,
        "started": INFO.started,
        "source": "drive",
        "recording": False,
        "damage": "",
        "left_out_frames": 0,
    }


def test_telemetry_is_a_plot_for_each_thing_that_was_measured(served: Served) -> None:
    path, clock = served.folder.sessions_dir / "hot.mcap", VirtualClock(START_NS)
    with SessionWriter(path, INFO, clock, sync=lambda _: None, min_free_bytes=0) as session:
        session.add_frame(frame_of(0))
        session.add_telemetry(Telemetry(START_NS + NS_PER_S, processor=Processor(61.5), supply=Supply(7.4, math.nan)))
    assert served.client.get("sessions/hot/telemetry").json() == [
        {"name": "Supply", "unit": "V", "t_s": [1.0], "values": [7.4]},
        {"name": "Processor", "unit": "°C", "t_s": [1.0], "values": [61.5]},
    ]
    assert served.client.get(f"{NAME}/telemetry").json() == []
    served.refused("GET", "sessions/none/telemetry", 404, "none")


def test_a_session_is_looked_into(served: Served) -> None:
    details = served.client.get(NAME).json()
    assert (details["frames"], details["ranges"], details["car"], details["width"]) == (40, [], "mycar", 64)
    assert sum(details["histogram"]) == 40
    assert sum(details["balance"].values()) == 40
    timeline = served.client.get(f"{NAME}/timeline").json()
    assert timeline["frame"] == list(range(40))
    assert len(served.client.get(f"{NAME}/timeline", params={"points": 8}).json()["frame"]) <= 8


def test_frames_come_as_they_were_recorded(served: Served) -> None:
    answer = served.client.get(f"{NAME}/frames/17.jpg")
    assert answer.content == frame_of(17).jpeg
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert "max-age" in answer.headers["Cache-Control"]


def test_commands_come_with_their_frames(served: Served) -> None:
    rows = served.client.get(f"{NAME}/records", params={"from": 30, "count": 5}).json()
    assert [row["frame"] for row in rows] == [30, 31, 32, 33, 34]
    assert rows[0]["t_s"] == pytest.approx(1.5)
    assert (rows[1]["steering"], rows[1]["pilot"], rows[0]["pilot"]["steering"]) == (0.031, None, -0.25)
    assert len(served.client.get(f"{NAME}/records").json()) == 40
    assert served.client.get(f"{NAME}/records", params={"from": 40}).json() == []


def test_a_large_frame_is_made_small_for_the_list(served: Served) -> None:
    clock = VirtualClock(START_NS)
    with SessionWriter(served.folder.sessions_dir / "big.mcap", INFO, clock, min_free_bytes=0) as writer:
        writer.add_frame(frame_of(0, height=480, width=640))
    small = EncodedFrame(0, 0, served.client.get("sessions/big/thumbnail.jpg").content).decode()
    assert small.image.shape == (120, 160, 3)
    assert served.client.get(f"{NAME}/thumbnail.jpg").content[:2] == b"\xff\xd8"


def test_a_range_is_cut_out_and_taken_back(served: Served) -> None:
    answer = served.client.post(f"{NAME}/cuts", json={"first": 3, "last": 7}).json()
    assert answer == {"ranges": [[3, 7]], "cuts": 1}
    served.client.post(f"{NAME}/cuts", json={"first": 6, "last": 9})
    assert served.client.get(NAME).json()["ranges"] == [[3, 9]]
    assert served.client.get("sessions").json()[1]["left_out_frames"] == 7
    assert served.client.delete(f"{NAME}/cuts/last").json() == {"ranges": [[3, 7]], "cuts": 1}
    served.client.delete(f"{NAME}/cuts/last")
    assert served.client.delete(f"{NAME}/cuts/last").json() == {"ranges": [], "cuts": 0}


def test_a_session_is_handed_out_whole_or_in_part(served: Served) -> None:
    whole = (served.folder.sessions_dir / "a b&c.mcap").read_bytes()
    answer = served.client.get(f"{NAME}/download")
    assert answer.content == whole
    assert "attachment" in answer.headers["Content-Disposition"]
    part = served.client.get(f"{NAME}/download", headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, whole[100:200])


def test_a_session_is_thrown_away_and_taken_back(served: Served) -> None:
    assert served.client.delete(NAME).json() == {"trashed": "a b&c", "dropped": []}
    assert [row["name"] for row in served.client.get("sessions").json()] == ["second"]
    assert [row["name"] for row in served.client.get("trash").json()] == ["a b&c"]
    assert served.client.post(f"{NAME}/restore").json() == {"name": "a b&c"}
    assert len(served.client.get("sessions").json()) == 2
    served.client.delete(NAME)
    assert served.client.delete("trash").json() == {"dropped": ["a b&c"]}
    served.refused("POST", f"{NAME}/restore", 404, "trash")


def test_a_session_that_is_being_recorded_is_seen_but_not_thrown_away(served: Served) -> None:
    recorder, ring = served.recorder, served.context.ring
    recorder.switch_on()
    for number in range(20):
        ring.publish(make_record(make_frame(number)), make_frame(number))
    recorder.poll()
    name = recorder.status.name
    row = next(row for row in served.client.get("sessions").json() if row["name"] == name)
    assert row["recording"]
    for path in (f"sessions/{name}", f"sessions/{name}/frames/0.jpg"):
        assert served.client.get(path).status_code in {200, 409}
    served.refused("DELETE", f"sessions/{name}", 409, "being recorded")
    served.refused("GET", f"sessions/{name}/download", 409, "being recorded")
    recorder.switch_off()
    recorder.poll()
    assert served.client.get(f"sessions/{name}").json()["frames"] == 20
    assert served.client.delete(f"sessions/{name}").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "options"),
    [
        ("GET", "sessions/none", 404, {}),
        ("GET", "sessions/none/timeline", 404, {}),
        ("GET", "sessions/none/thumbnail.jpg", 404, {}),
        ("GET", "sessions/none/records", 404, {}),
        ("GET", "sessions/none/download", 404, {}),
        ("DELETE", "sessions/none", 404, {}),
        ("POST", "sessions/none/restore", 404, {}),
        ("DELETE", "sessions/none/cuts/last", 404, {}),
        ("POST", "sessions/none/cuts", 404, {"json": {"first": 0, "last": 1}}),
        ("GET", f"{NAME}/frames/40.jpg", 404, {}),
        ("GET", f"{NAME}/frames/-1.jpg", 404, {}),
        ("GET", f"{NAME}/frames/{10**30}.jpg", 404, {}),
        ("GET", f"{NAME}/frames/one.jpg", 422, {}),
        ("GET", f"{NAME}/records?from=-1", 422, {}),
        ("GET", f"{NAME}/records?count=0", 422, {}),
        ("GET", f"{NAME}/records?count=100000", 422, {}),
        ("GET", f"{NAME}/timeline?points=1", 422, {}),
        ("POST", f"{NAME}/cuts", 404, {"json": {"first": 0, "last": 40}}),
        ("POST", f"{NAME}/cuts", 404, {"json": {"first": 5, "last": 4}}),
        ("POST", f"{NAME}/cuts", 422, {"json": {"first": -1, "last": 4}}),
        ("POST", f"{NAME}/cuts", 422, {"json": {"first": 1}}),
        ("POST", f"{NAME}/cuts", 422, {"json": {"first": 1, "last": 2, "more": 3}}),
        ("POST", f"{NAME}/cuts", 422, {"json": [1, 2]}),
        ("POST", f"{NAME}/cuts", 422, {"content": b"{"}),
        ("POST", f"{NAME}/cuts", 422, {}),
        ("GET", "sessions/..%2Fcar.toml", 404, {}),
        ("GET", "sessions/%2e%2e%2f%2e%2e%2fetc%2fpasswd/download", 404, {}),
        ("GET", "sessions/..%5Ccar.toml/download", 404, {}),
        ("GET", "sessions/.trash", 404, {}),
        ("GET", "sessions/%00", 404, {}),
        ("GET", "sessions/%ff%fe", 404, {}),
        ("GET", f"sessions/{'x' * 3000}", 404, {}),
        ("PUT", NAME, 405, {}),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_sentence(
    served: Served, method: str, path: str, status: int, options: dict[str, object]
) -> None:
    served.refused(method, path, status, **options)


def test_files_that_are_no_sessions_are_listed_and_refused(served: Served) -> None:
    folder = served.folder.sessions_dir
    (folder / "empty.mcap").touch()
    (folder / "foreign.mcap").write_text("hello")
    (folder / "cut.mcap").write_bytes(session_bytes(40)[:-100])
    assert len(served.client.get("sessions").json()) == 5
    for name in ("empty", "foreign"):
        for path in ("", "/timeline", "/thumbnail.jpg", "/frames/0.jpg", "/records"):
            served.refused("GET", f"sessions/{name}{path}", 409)
    assert "not closed" in served.client.get("sessions/cut").json()["damage"]


def test_a_broken_list_of_edits_is_said(served: Served) -> None:
    (served.folder.sessions_dir / "second.edits.json").write_text("nonsense")
    served.refused("GET", "sessions/second", 409, "not a list of edits")
    served.refused("POST", "sessions/second/cuts", 409, "not a list of edits", json={"first": 0, "last": 1})


def test_numbers_that_are_none_do_not_break_the_answers(served: Served) -> None:
    info = replace(INFO, rate_hz=float("nan"))
    clock = VirtualClock(START_NS)
    with SessionWriter(served.folder.sessions_dir / "odd.mcap", info, clock, min_free_bytes=0) as writer:
        for number in range(3):
            writer.add_frame(frame_of(number))
            writer.add_record(replace(record_of(number), applied=Command(float("nan"), float("inf"))))
    for path in ("", "/timeline", "/records"):
        answer = served.client.get(f"sessions/odd{path}")
        assert answer.status_code == 200
        json.loads(answer.text, parse_constant=pytest.fail)


def test_the_trash_of_a_car_without_sessions_is_empty(served: Served) -> None:
    shutil.rmtree(served.folder.sessions_dir)
    assert served.client.get("sessions").json() == []
    assert served.client.get("trash").json() == []
