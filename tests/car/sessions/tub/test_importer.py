from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from car.drive_record import DriveRecord
from car.errors import CarError, RecordingError, TubError
from car.gate import GateState, Mode
from car.sessions import Edits, FrameRange, Session
from car.sessions.tub.importer import find_tubs, import_tub
from car.sessions.tub.records import Defect
from car.sessions.tub.report import DEFECT_EVENT, UNUSED_EVENT, TubReport
from hardware.camera import CameraGeometry
from hardware.clock import NS_PER_MS
from hardware.drivetrain import Command
from tests.car.sessions.recordings import frame_of

START_MS = 1_700_000_000_000
PER_CATALOG = 10
INPUTS = {"cam/image_array": "image_array", "user/angle": "float", "user/throttle": "float", "user/mode": "str"}


@dataclass
class SyntheticTub:
    """A healthy tub of 25 records in three catalogs, to be spoilt before it is written."""

    folder: Path
    records: list[dict[str, Any]] = field(default_factory=list)
    images: dict[str, bytes] = field(default_factory=dict)
    deleted: list[int] = field(default_factory=list)
    listed: int = 3
    inputs: dict[str, str] = field(default_factory=lambda: dict(INPUTS))

    def __post_init__(self) -> None:
        for index in range(25):
            name = f"{index}_cam_image_array_.jpg"
            self.images[name] = frame_of(index).jpeg
            self.records.append(
                {
                    "_index": index,
                    "_session_id": "26-11-23_0",
                    "_timestamp_ms": START_MS + 50 * index,
                    "cam/image_array": name,
                    "user/angle": index / 100,
                    "user/mode": "user",
                    "user/throttle": 0.5,
                }
            )

    def write(self) -> Path:
        (self.folder / "images").mkdir(parents=True)
        for name, jpeg in self.images.items():
            (self.folder / "images" / name).write_bytes(jpeg)
        lines = [json.dumps(record) + "\n" for record in self.records]
        for place in range(0, len(lines), PER_CATALOG):
            catalog = self.folder / f"catalog_{place // PER_CATALOG}.catalog"
            catalog.write_text("".join(lines[place : place + PER_CATALOG]))
        paths = [f"catalog_{number}.catalog" for number in range(self.listed)]
        manifest = [
            list(self.inputs),
            list(self.inputs.values()),
            {"place": "garage"},
            {"created_at": 1700000000.1},
            {"paths": paths, "current_index": 25, "max_len": PER_CATALOG, "deleted_indexes": self.deleted},
        ]
        (self.folder / "manifest.json").write_text("".join(json.dumps(line) + "\n" for line in manifest))
        return self.folder


@pytest.fixture
def tub(tmp_path: Path) -> SyntheticTub:
    return SyntheticTub(tmp_path / "data")


def imported(tub: SyntheticTub) -> tuple[TubReport, list[DriveRecord]]:
    """Import ``tub`` as it stands, on disk if it is there already."""
    report = import_tub(tub.folder if tub.folder.exists() else tub.write(), tub.folder.parent / "out.mcap")
    with Session.open(report.path) as session:
        assert not session.damage
        assert session.frame_count == report.imported
        return report, list(session.records())


def defects_of(tub: SyntheticTub) -> dict[Defect, int]:
    report, _ = imported(tub)
    return dict(report.defects)


def test_a_healthy_tub_comes_in_whole(tub: SyntheticTub) -> None:
    report, records = imported(tub)
    assert (report.records, report.imported, report.left_out, report.defects) == (25, 25, 0, {})
    assert report.duration_s == pytest.approx(24 * 0.05)
    assert records[7] == DriveRecord(
        frame_number=7,
        captured_ns=(START_MS + 350) * NS_PER_MS,
        mode=Mode.MANUAL,
        gate_state=GateState.ARMED,
        trip=None,
        driver=Command(0.07, 0.5),
        pilot=None,
        applied=Command(0.07, 0.5),
    )
    with Session.open(report.path) as session:
        assert [frame.jpeg for frame in session.frames()] == [frame_of(number).jpeg for number in range(25)]
        assert (session.info.name, session.info.source, session.info.rate_hz) == ("out", "tub", 20.0)
        assert (session.info.camera.width, session.info.camera.height) == (64, 48)
        assert session.info.started == "2023-11-14T22:13:20+00:00"
        assert session.info.extra == {"tub": "data", "place": "garage"}
    assert sorted(path.name for path in tub.folder.parent.iterdir()) == ["data", "out.mcap"]
    assert str(report) == f"out: 25 of 25 records imported, from {tub.folder}"


def test_the_cameras_mount_is_taken_from_the_caller_and_its_size_from_the_images(tub: SyntheticTub) -> None:
    camera = CameraGeometry(width=1, height=2, fov_deg=160.0, lens="fisheye")
    calls: list[float] = []
    report = import_tub(
        tub.write(),
        tub.folder.parent / "a.mcap",
        camera=camera,
        car="old",
        progress=calls.append,
    )
    with Session.open(report.path) as session:
        assert session.info.camera == CameraGeometry(width=64, height=48, fov_deg=160.0, lens="fisheye")
        assert session.info.car == "old"
    assert calls == [number / 25 for number in range(1, 26)]


def test_images_that_cannot_be_used_cost_their_record_alone(tub: SyntheticTub) -> None:
    names = list(tub.images)
    del tub.images[names[3]]
    tub.images[names[4]] = b""
    tub.images[names[5]] = tub.images[names[5]][:-20]
    tub.images[names[6]] = b"\x89PNG"
    tub.images[names[7]] = frame_of(7, height=24, width=32).jpeg
    tub.images["99_cam_image_array_.jpg"] = frame_of(8).jpeg
    tub.images["._8_cam_image_array_.jpg"] = b"Mac OS X"
    tub.records[9]["cam/image_array"] = "../manifest.json"
    report, records = imported(tub)
    assert report.defects == {
        Defect.MISSING_IMAGE: 2,
        Defect.EMPTY_IMAGE: 1,
        Defect.BROKEN_IMAGE: 2,
        Defect.WRONG_SIZE: 1,
        Defect.ORPHAN_IMAGE: 2,
        Defect.APPLE_DOUBLE: 1,
    }
    assert [record.frame_number for record in records] == [0, 1, 2, 8, *range(10, 25)]
    assert "2 images missing, first 3_cam_image_array_.jpg" in str(report)


def test_catalogs_that_the_manifest_does_not_list_are_imported_all_the_same(tub: SyntheticTub) -> None:
    tub.listed = 1
    report, records = imported(tub)
    assert report.defects == {Defect.UNLISTED_CATALOG: 2}
    assert len(records) == 25


def test_catalogs_that_are_listed_but_not_there_are_said(tub: SyntheticTub) -> None:
    tub.listed = 5
    assert defects_of(tub) == {Defect.MISSING_CATALOG: 2}


@pytest.mark.parametrize("manifest", [None, b"", b"\0" * 300, b"[1]\n[2]\n3\n4\n5\n", b'["a"]\n["image_array"'])
def test_a_tub_without_a_usable_manifest_is_imported_from_its_catalogs(
    tub: SyntheticTub, manifest: bytes | None
) -> None:
    path = tub.write() / "manifest.json"
    path.unlink() if manifest is None else path.write_bytes(manifest)
    report, records = imported(tub)
    assert len(records) == 25
    why = Defect.NO_MANIFEST if manifest is None else Defect.BROKEN_MANIFEST
    assert report.defects == {why: 1, Defect.UNLISTED_CATALOG: 3}


def test_a_catalog_that_a_power_cut_has_spoilt_gives_what_is_left_of_it(tub: SyntheticTub) -> None:
    catalog = tub.write() / "catalog_1.catalog"
    lines = catalog.read_bytes().splitlines(keepends=True)
    lines[2] = b"\0" * 4096 + lines[2]
    lines[4] = lines[4][:30] + b"\n"
    lines[5] = b"[1, 2]\n"
    lines[6] = b"\xff\xfe\n"
    lines[7] = b'{"__empty__": true}\n'
    lines[8] = b"[" * 50_000 + b"\n"
    lines[9] = lines[9][:40]
    catalog.write_bytes(b"".join(lines))
    report, records = imported(tub)
    assert report.defects == {
        Defect.NUL_BYTES: 1,
        Defect.BROKEN_LINE: 5,
        Defect.GAP_FILLER: 1,
        Defect.ORPHAN_IMAGE: 6,
    }
    assert report.first[Defect.NUL_BYTES] == "catalog_1.catalog:3"
    assert [record.frame_number for record in records] == [*range(14), *range(20, 25)]


def test_records_without_a_command_are_not_imported(tub: SyntheticTub) -> None:
    del tub.records[1]["user/angle"]
    tub.records[2]["user/throttle"] = float("nan")
    tub.records[3]["user/angle"] = None
    tub.records[4]["user/angle"] = "0.5"
    tub.records[5]["user/throttle"] = True
    tub.records[6]["user/throttle"] = float("-inf")
    tub.records[7]["user/throttle"] = 10**400
    report, records = imported(tub)
    assert report.defects == {Defect.NO_COMMAND: 7}
    assert [record.frame_number for record in records] == [0, *range(8, 25)]


def test_commands_out_of_range_are_clamped_and_counted(tub: SyntheticTub) -> None:
    tub.records[1]["user/angle"] = -1.2
    tub.records[2]["user/throttle"] = 7
    report, records = imported(tub)
    assert report.defects == {Defect.OUT_OF_RANGE: 2}
    assert records[1].driver == Command(-1.0, 0.5)
    assert records[2].driver == Command(0.02, 1.0)


def test_modes_say_who_drove(tub: SyntheticTub) -> None:
    pilot = {"pilot/angle": -0.5, "pilot/throttle": 0.2}
    tub.records[1] |= {"user/mode": "local_angle", **pilot}
    tub.records[2] |= {"user/mode": "local", **pilot}
    tub.records[3] |= {"user/mode": "local"}
    tub.records[4] |= {"user/mode": "behaviour", "imu/gyr_x": 0.25}
    del tub.records[5]["user/mode"]
    report, records = imported(tub)
    assert [record.mode for record in records[:6]] == ["manual", "assist", "auto", "auto", "manual", "manual"]
    assert records[1].applied == Command(-0.5, 0.5)
    assert records[2].applied == records[2].pilot == Command(-0.5, 0.2)
    assert report.defects == {Defect.NO_PILOT: 1, Defect.UNKNOWN_MODE: 1}
    assert report.unused_keys == ("imu/gyr_x",)
    with Session.open(report.path) as session:
        notes = [(event.kind, event.text) for event in session.events()]
    assert [kind for kind, _ in notes] == [DEFECT_EVENT, DEFECT_EVENT, UNUSED_EVENT]
    assert notes[0][1].startswith(f"1 {Defect.UNKNOWN_MODE}, first ")
    assert notes[2][1] == "imu/gyr_x"
    assert Edits.load(report.path) == Edits((FrameRange(3, 3),))


def test_what_was_deleted_in_donkey_car_is_there_and_left_out(tub: SyntheticTub) -> None:
    tub.deleted = [4, 5, 6, 20]
    del tub.images["5_cam_image_array_.jpg"]
    report, _ = imported(tub)
    assert (report.imported, report.left_out) == (24, 3)
    assert Edits.load(report.path).ranges == (FrameRange(4, 4), FrameRange(6, 6), FrameRange(20, 20))
    with Session.open(report.path) as session:
        assert len(list(session.driven_frames())) == 21
    assert "24 of 25 records imported, 3 of them left out" in str(report)


def test_an_erased_record_is_found_by_its_index_whatever_lines_were_lost(tub: SyntheticTub) -> None:
    tub.deleted = [12]
    catalog = tub.write() / "catalog_1.catalog"
    catalog.write_bytes(b"broken\n" + catalog.read_bytes())
    report, _ = imported(tub)
    assert Edits.load(report.path).ranges == (FrameRange(12, 12),)


def test_in_a_tub_that_lost_its_first_records_the_erased_ones_are_left_out_and_no_other(tub: SyntheticTub) -> None:
    del tub.records[:8], tub.records[4:6]
    tub.deleted = [9, 10, 16, 24]
    report, records = imported(tub)
    assert [record.frame_number for record in records] == [8, 9, 10, 11, *range(14, 25)]
    assert Edits.load(report.path).ranges == (FrameRange(9, 10), FrameRange(16, 16), FrameRange(24, 24))
    assert Defect.ERASED_NOTHING not in report.defects


def test_erased_indexes_that_match_nothing_are_counted(tub: SyntheticTub) -> None:
    del tub.records[:8]
    tub.deleted = [*range(3, 10), 4000]
    report, _ = imported(tub)
    assert report.defects[Defect.ERASED_NOTHING] == 6
    assert report.left_out == 2
    assert "6 erased indexes that no record has" in str(report)
    assert report.first[Defect.ERASED_NOTHING] == "3"


def test_an_erased_record_that_cannot_be_imported_has_matched(tub: SyntheticTub) -> None:
    tub.records[3] = {"_index": 3, "__empty__": True}
    del tub.records[4]["user/angle"]
    tub.deleted = [3, 4]
    assert Defect.ERASED_NOTHING not in defects_of(tub)


def test_a_clock_that_was_set_back_leaves_no_step(tub: SyntheticTub) -> None:
    for record in tub.records[10:]:
        record["_timestamp_ms"] -= 3_600_000
    del tub.records[20]["_timestamp_ms"]
    tub.records[21]["_timestamp_ms"] = -5
    report, records = imported(tub)
    assert report.defects == {Defect.TIME_BACK: 1, Defect.NO_TIME: 2}
    steps = {later.captured_ns - earlier.captured_ns for earlier, later in pairwise(records)}
    assert steps == {50 * NS_PER_MS}


def test_records_of_one_millisecond_stay_apart(tub: SyntheticTub) -> None:
    tub.records[3]["_timestamp_ms"] = tub.records[2]["_timestamp_ms"]
    _, records = imported(tub)
    assert records[3].captured_ns - records[2].captured_ns == 1


def test_a_record_whose_image_was_overwritten_is_not_imported(tub: SyntheticTub) -> None:
    again = dict(tub.records[24], **{"user/angle": -1.0, "_timestamp_ms": START_MS + 5000})
    tub.records.append(again)
    report, records = imported(tub)
    assert report.defects == {Defect.DUPLICATE: 1}
    assert len(records) == 25
    assert records[-1].driver == Command(-1.0, 0.5)


def test_strange_indexes_do_not_break_the_numbering(tub: SyntheticTub) -> None:
    for place, index in ((3, 2**40), (4, -7), (5, "six"), (6, True), (8, 4)):
        tub.records[place]["_index"] = index
    _, records = imported(tub)
    assert [record.frame_number for record in records] == list(range(25))


def test_nothing_to_import_is_one_sentence_and_no_file(tub: SyntheticTub) -> None:
    tub.images = dict.fromkeys(tub.images, b"")
    with pytest.raises(TubError, match=r"Nothing in .*25 images of zero bytes, first 0_cam.*Copy it once more"):
        imported(tub)
    with pytest.raises(TubError, match="is not a Donkey Car tub"):
        import_tub(tub.folder / "images", tub.folder.parent / "out.mcap")
    for path in tub.folder.glob("*.catalog"):
        path.write_bytes(b"")
    with pytest.raises(TubError, match=r"0 records.*Nothing was recorded in it\. Leave it out\."):
        imported(tub)
    assert [path.name for path in tub.folder.parent.iterdir()] == ["data"]


def refusal(tub: SyntheticTub) -> str:
    with pytest.raises(TubError) as refused:
        imported(tub)
    assert "Record it again" not in str(refused.value)
    return str(refused.value)


def test_where_every_image_is_missing_that_is_said(tub: SyntheticTub) -> None:
    tub.images = {}
    assert "25 images missing, first 0_cam_image_array_.jpg" in refusal(tub)


def test_where_every_image_is_broken_that_is_said(tub: SyntheticTub) -> None:
    tub.images = dict.fromkeys(tub.images, b"BM a bitmap")
    assert "25 images that are no whole JPEG, first 0_cam" in refusal(tub)


def test_where_every_line_is_broken_that_is_said(tub: SyntheticTub) -> None:
    for path in tub.write().glob("*.catalog"):
        path.write_bytes(b"{\n" * 10)
    assert "30 catalog lines that are no record, first catalog_0.catalog:1" in refusal(tub)


def test_where_no_record_has_a_command_the_keys_are_said(tub: SyntheticTub) -> None:
    for record in tub.records:
        record["wheel"] = record.pop("user/angle")
    assert "user/throttle, wheel" in refusal(tub)


def test_one_good_image_among_many_broken_ones_is_found(tub: SyntheticTub) -> None:
    good = "13_cam_image_array_.jpg"
    for number in range(200):
        name = f"{100 + number}_cam_image_array_.jpg"
        tub.images[name] = b""
        tub.records.append(dict(tub.records[0], **{"_index": 100 + number, "cam/image_array": name}))
    tub.images = {name: content if name == good else b"" for name, content in tub.images.items()}
    assert imported(tub)[0].imported == 1


def test_an_import_overwrites_nothing_and_cleans_up(tub: SyntheticTub) -> None:
    imported(tub)
    with pytest.raises(RecordingError, match="exists already"):
        imported(tub)
    with pytest.raises(RecordingError, match="cannot be created"):
        import_tub(tub.folder, tub.folder / "no" / "out.mcap")

    def stop(done: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_tub(tub.folder, tub.folder.parent / "again.mcap", progress=stop)
    assert sorted(path.name for path in tub.folder.parent.iterdir()) == ["data", "out.mcap"]


def test_tubs_are_found_in_folders_of_tubs(tmp_path: Path) -> None:
    one, two = tmp_path / "b" / "two", tmp_path / "one"
    for folder in (one, two):
        SyntheticTub(folder).write()
    assert find_tubs(tmp_path) == [one, two]
    assert find_tubs(one) == [one]
    with pytest.raises(TubError, match="no Donkey Car tub"):
        find_tubs(one / "images")
    with pytest.raises(TubError, match="no folder"):
        find_tubs(tmp_path / "three")


@given(data=st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_tub_with_any_bytes_in_it_raises_nothing_but_our_errors(tmp_path: Path, data: st.DataObject) -> None:
    folder = tmp_path / "data"
    if not folder.exists():
        SyntheticTub(folder).write()
    name = data.draw(st.sampled_from(["manifest.json", "catalog_0.catalog", "images/3_cam_image_array_.jpg"]))
    path, out = folder / name, tmp_path / "out.mcap"
    good = path.read_bytes()
    start = data.draw(st.integers(0, len(good)))
    spoilt = data.draw(st.binary(max_size=80) | st.just(b"\0" * 200))
    path.write_bytes(good[:start] + spoilt + good[start + data.draw(st.integers(0, 80)) :])
    try:
        import_tub(folder, out)
    except CarError:
        assert not out.exists()
    out.unlink(missing_ok=True)
    path.write_bytes(good)


@pytest.mark.parametrize(
    ("name", "records", "defects"),
    [
        ("data_26_1356_small_camera", 3990, {}),
        ("data_250530_tall_camera_first", 6458, {Defect.MISSING_IMAGE: 551}),
        (
            "data_25_1914_small_camera_final_reverse",
            3528,
            {Defect.UNLISTED_CATALOG: 2, Defect.ORPHAN_IMAGE: 164},
        ),
    ],
)
def test_recorded_tubs_come_in_with_the_defects_they_have(
    arena_tubs: Path, tmp_path: Path, name: str, records: int, defects: dict[Defect, int]
) -> None:
    report = import_tub(arena_tubs / name, tmp_path / "out.mcap")
    assert report.defects == defects
    assert (report.records, report.imported) == (records, records - defects.get(Defect.MISSING_IMAGE, 0))
    with Session.open(report.path) as session:
        assert not session.damage
        samples = list(session.driven_frames())
        assert len(samples) == report.imported
        assert (session.info.camera.width, session.info.camera.height, session.info.rate_hz) == (160, 120, 20.0)
    angles = [sample.record.applied.steering for sample in samples]
    assert 0.5 < sum(angle == 0.0 for angle in angles) / len(angles) < 0.6
    image = arena_tubs / name / "images" / f"{samples[-1].frame.number}_cam_image_array_.jpg"
    assert samples[-1].frame.jpeg == image.read_bytes()
