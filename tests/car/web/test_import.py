"""A tub is imported by upload, in a process of its own; whatever else comes is refused and leaves nothing behind."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

from car.sessions import Session
from car.sessions.tub.upload import workshop
from car.web import uploads
from tests.car.sessions.tub.test_importer import SyntheticTub
from tests.car.web.serving import OURS, Served, serving


@pytest.fixture(scope="module")
def one_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("web") / "mycar") as served:
        yield served


@pytest.fixture
def served(one_server: Served) -> Served:
    for path in one_server.folder.sessions_dir.iterdir():
        path.unlink()
    return one_server


@pytest.fixture
def tub(tmp_path: Path) -> Path:
    return SyntheticTub(tmp_path / "data").write()


def zip_of(folder: Path, root: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as out:
        for path in folder.rglob("*"):
            out.write(path, f"{root}{path.relative_to(folder)}")
    return buffer.getvalue()


def tar_of(folder: Path, root: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as out:
        out.add(folder, root or ".")
    return buffer.getvalue()


def files_in(served: Served) -> list[str]:
    return sorted(path.name for path in served.folder.sessions_dir.iterdir())


@pytest.mark.parametrize(("pack", "root"), [(zip_of, "data/"), (tar_of, "data"), (zip_of, ""), (tar_of, "")])
def test_a_tub_becomes_a_session(served: Served, tub: Path, pack: object, root: str) -> None:
    content = pack(tub, root)  # type: ignore[operator]
    answer = served.client.post("sessions/import?name=my%20drive.tar.gz", content=content)
    assert answer.status_code == 201, answer.text
    name = "data" if root else "my_drive"
    assert answer.json()["names"] == [name]
    assert f"{name}: 25 of 25 records imported" in answer.json()["report"]
    assert files_in(served) == [f"{name}.mcap"]
    with Session.open(served.folder.sessions_dir / f"{name}.mcap") as session:
        assert session.info.car == "mycar"
    assert served.client.get(f"sessions/{name}").json()["source"] == "tub"


def test_another_tub_of_the_same_name_gets_a_name_of_its_own(served: Served, tub: Path, tmp_path: Path) -> None:
    other = SyntheticTub(tmp_path / "other")
    for record in other.records:
        record["user/angle"] = -0.5
    for content, expected in ((zip_of(tub, "data/"), "data"), (zip_of(other.write(), "data/"), "data_2")):
        assert served.client.post("sessions/import", content=content).json()["names"] == [expected]


def test_the_same_tub_again_is_passed_over_as_on_the_command_line(served: Served, tub: Path) -> None:
    for expected, words in (
        (["data"], "25 of 25 records imported"),
        ([], "data: imported already, 25 records as data"),
    ):
        answer = served.client.post("sessions/import", content=zip_of(tub, "data/"))
        assert answer.status_code == 201
        assert answer.json()["names"] == expected
        assert words in answer.json()["report"]
    assert files_in(served) == ["data.mcap"]


def test_a_folders_odd_name_is_made_plain(served: Served, tub: Path) -> None:
    answer = served.client.post("sessions/import", content=zip_of(tub, "12:30 lap/"))
    assert answer.json()["names"] == ["12_30_lap"]


def test_several_tubs_are_imported_and_one_without_a_good_record_is_said(
    served: Served, tub: Path, tmp_path: Path
) -> None:
    both = tmp_path / "both"
    both.mkdir()
    tub.rename(both / "good")
    (both / "bad").mkdir()
    (both / "bad" / "catalog_0.catalog").write_text("{}\n")
    answer = served.client.post("sessions/import", content=zip_of(both, ""))
    assert answer.json()["names"] == ["good"]
    assert "Nothing in bad can be imported" in answer.json()["report"]


@pytest.mark.parametrize("name", ["", "..", "../../evil", "%00", ".hidden", "x" * 255, "é ü", "a/b/c.zip", "-rf"])
def test_no_name_leads_out_of_the_folder(served: Served, tub: Path, name: str) -> None:
    answer = served.client.post("sessions/import", params={"name": name}, content=zip_of(tub, ""))
    (imported,) = answer.json()["names"]
    assert files_in(served) == [f"{imported}.mcap"]
    assert served.client.get(f"sessions/{imported}").status_code == 200


def test_what_is_no_tub_is_refused_and_leaves_nothing_behind(served: Served, tub: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "readme.txt").write_text("hi")
    for content, status, words in (
        (b"", 422, "empty"),
        (b"hello", 409, "neither a .zip nor a .tar.gz"),
        (b"PK\3\4" + bytes(500), 409, "damaged"),
        (zip_of(empty, ""), 409, "no Donkey Car tub in the archive"),
        (zip_of(tub, "../"), 409, "odd name"),
    ):
        served.refused("POST", "sessions/import", status, words, content=content)
    served.refused("POST", f"sessions/import?name={'x' * 256}", 422, content=b"PK")
    assert files_in(served) == []


def test_one_import_at_a_time_and_what_a_power_cut_left_is_removed(served: Served, tub: Path) -> None:
    folder = served.folder.sessions_dir
    left_behind = folder / ".import-old"
    left_behind.mkdir()
    with workshop(folder):
        served.refused("POST", "sessions/import", 409, "Another tub", content=zip_of(tub, ""))
    assert served.client.post("sessions/import", content=zip_of(tub, "")).status_code == 201
    assert files_in(served) == ["tub.mcap"]


def test_a_browser_that_sends_nothing_more_is_given_up(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "PATIENCE_S", 0.2)
    url = served.client.base_url
    connection = HTTPConnection(url.host, url.port)
    connection.putrequest("POST", "/api/sessions/import")
    for name, value in {**OURS, "Content-Length": "1000"}.items():
        connection.putheader(name, value)
    connection.endheaders(b"PK")
    assert connection.getresponse().status == 408
    connection.close()
    assert files_in(served) == []


def test_a_recorded_drive_of_a_real_car_comes_in_whole(served: Served, arena_tubs: Path) -> None:
    archive = tar_of(arena_tubs, "arena")
    # 14,000 frames take half a minute, and several on a busy machine.
    answer = served.client.post("sessions/import?name=arena.tar.gz", content=archive, timeout=300.0)
    assert answer.status_code == 201, answer.text
    rows = served.client.get("sessions").json()
    assert sorted(row["name"] for row in rows) == sorted(answer.json()["names"])
    assert sum(row["frames"] for row in rows) > 10_000
    assert "551 images missing" in answer.json()["report"]
