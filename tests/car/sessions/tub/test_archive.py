"""Archives from strangers: a tub's files come out, into one folder alone; bombs and odd names end with a sentence."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import stat
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from car.errors import TubError
from car.sessions.tub import archive
from car.sessions.tub.archive import unpack

MB = 1_000_000
TUB = {"tub/manifest.json": b"[]", "tub/catalog_0.catalog": b"{}\n", "tub/images/0_cam_image_array_.jpg": b"\xff\xd8"}


def zipped(path: Path, files: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for name, content in files.items():
            out.writestr(name, content)
    return path


def tarred(path: Path, files: Mapping[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz", compresslevel=1) as out:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            out.addfile(info, io.BytesIO(content))
    return path


PACKERS = pytest.mark.parametrize("pack", [zipped, tarred])


def unpacked(path: Path, max_bytes: int = MB) -> dict[str, bytes]:
    folder = path.parent / "unpacked"
    folder.mkdir()
    unpack(path, folder, max_bytes)
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@PACKERS
def test_a_tubs_files_come_out_and_nothing_else(tmp_path: Path, pack: object) -> None:
    more = {"tub/readme.txt": b"hi", "tub/run.sh": b"x", "__MACOSX/tub/._0.jpg": b"x", "tub/images/._1.jpg": b"x"}
    assert unpacked(pack(tmp_path / "archive", {**TUB, **more})) == TUB  # type: ignore[operator]


@PACKERS
@pytest.mark.parametrize(
    "name",
    [
        "../evil.jpg",
        "tub/../../evil.jpg",
        "/evil.jpg",
        "..\\evil.jpg",
        "C:\\evil.jpg",
        "c:/evil.jpg",
        "a/" * 20 + "deep.jpg",
        "x" * 300 + ".jpg",
    ],
)
def test_a_name_that_leads_elsewhere_ends_it(tmp_path: Path, pack: object, name: str) -> None:
    path = pack(tmp_path / "archive", {**TUB, name: b"evil"})  # type: ignore[operator]
    with pytest.raises(TubError, match="odd name"):
        unpacked(path)
    assert not list(tmp_path.glob("evil*"))


@PACKERS
@pytest.mark.parametrize(
    "name",
    [
        "C:\\odd.txt",
        "../evil.txt",
        "/etc/evil.conf",
        "a/" * 20 + "deep.txt",
        "x" * 300,
        "tub/Icon\r",
        "what?.md",
        "..\\.x",
    ],
)
def test_a_file_that_no_tub_has_refuses_no_archive_whatever_it_is_called(
    tmp_path: Path, pack: object, name: str
) -> None:
    assert unpacked(pack(tmp_path / "archive", {**TUB, name: b"odd"})) == TUB  # type: ignore[operator]
    assert not list(tmp_path.glob("evil*"))


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such folders; there they are made plain")
@PACKERS
@pytest.mark.parametrize("folder", ["12:30 lap", "a:b", "what? a tub", "<best>", "tübchen"])
def test_a_folders_odd_name_is_no_reason_to_refuse_it(tmp_path: Path, pack: object, folder: str) -> None:
    named = {name.replace("tub/", f"{folder}/"): content for name, content in TUB.items()}
    assert unpacked(pack(tmp_path / "archive", named)) == named  # type: ignore[operator]


def test_links_and_devices_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "links.tar.gz"
    with tarfile.open(path, "w:gz") as out:
        for number, kind in enumerate((tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE)):
            info = tarfile.TarInfo(f"tub/{number}.jpg")
            info.type, info.linkname = kind, "/etc/passwd"
            out.addfile(info)
    assert unpacked(path) == {}


def test_a_link_in_a_zip_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "links.zip"
    with zipfile.ZipFile(path, "w") as out:
        info = zipfile.ZipInfo("tub/0.jpg")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        out.writestr(info, "/etc/passwd")
    assert unpacked(path) == {}


@PACKERS
@pytest.mark.parametrize("name", ["tub/0.jpg", "tub/zeros.bin"])
def test_a_small_archive_that_unpacks_to_too_much_ends(tmp_path: Path, pack: object, name: str) -> None:
    path = pack(tmp_path / "archive", {name: bytes(30 * MB)})  # type: ignore[operator]
    assert path.stat().st_size < MB
    if name.endswith(".bin") and pack is zipped:
        assert unpacked(path) == {}  # It is never unpacked.
        return
    with pytest.raises(TubError, match="unpacks to more than 1 MB"):
        unpacked(path)
    assert sum(file.stat().st_size for file in (tmp_path / "unpacked").rglob("*.jpg")) < 2 * MB


def test_a_file_that_is_larger_than_it_says_is_counted_as_it_is(tmp_path: Path) -> None:
    path = zipped(tmp_path / "lying.zip", {"tub/0.jpg": bytes(30 * MB)})
    data = path.read_bytes().replace((30 * MB).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    path.write_bytes(data)
    with pytest.raises(TubError):
        unpacked(path)


def test_a_single_file_larger_than_any_image_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_FILE_BYTES", 1000)
    with pytest.raises(TubError, match="larger than any image"):
        unpacked(zipped(tmp_path / "a.zip", {"tub/0.jpg": bytes(2000)}))


@PACKERS
def test_too_many_files_end_it(tmp_path: Path, pack: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_FILES", 10)
    with pytest.raises(TubError, match="more than 10 files"):
        unpacked(pack(tmp_path / "archive", {f"tub/{number}.txt": b"" for number in range(11)}))  # type: ignore[operator]


def test_two_files_of_one_name_end_it(tmp_path: Path) -> None:
    path = tmp_path / "twice.zip"
    with zipfile.ZipFile(path, "w") as out:
        out.writestr("tub/0.jpg", "one")
        out.writestr("tub//0.jpg", "two")
    with pytest.raises(TubError, match=r"two files 0\.jpg"):
        unpacked(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"P",
        b"hello",
        b"PK",
        b"PK\3\4" + bytes(100),
        b"\x1f\x8b",
        gzip.compress(b"no tar", mtime=0),
        gzip.compress(b"", mtime=0),
    ],
)
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "archive"
    path.write_bytes(content)
    with pytest.raises(TubError):
        unpacked(path)


@settings(deadline=None, max_examples=200)
@given(data=st.data(), is_zip=st.booleans())
def test_a_damaged_archive_raises_nothing_but_a_tub_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, is_zip: bool
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    path = (zipped if is_zip else tarred)(folder / "archive", {**TUB, "tub/images/1.jpg": bytes(range(256)) * 40})
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(2, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(2, len(content)))])
    with contextlib.suppress(TubError):
        unpacked(path)
    assert {file.name for file in folder.iterdir()} <= {"archive", "unpacked"}
