"""An image is found whatever its record calls it, and a PNG is one too."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from car.sessions import Session
from car.sessions.tub.importer import import_tub
from car.sessions.tub.records import Defect
from tests.car.sessions.recordings import frame_of
from tests.car.sessions.tub.test_importer import SyntheticTub, imported
from tests.car.sessions.tub.test_records_v1 import write_record, write_tub


@pytest.fixture
def tub(tmp_path: Path) -> SyntheticTub:
    return SyntheticTub(tmp_path / "data")


def rename(tub: SyntheticTub, old: str, new: str) -> None:
    tub.images = {name.replace(old, new): content for name, content in tub.images.items()}


@pytest.mark.parametrize("suffix", [".JPG", ".Jpg"])
def test_images_are_found_whatever_the_case_of_their_names(tub: SyntheticTub, suffix: str) -> None:
    rename(tub, ".jpg", suffix)
    report, _ = imported(tub)
    assert (report.imported, report.defects) == (25, {})


def test_records_in_capitals_find_their_images(tub: SyntheticTub) -> None:
    for record in tub.records:
        record["cam/image_array"] = record["cam/image_array"].upper()
    report, _ = imported(tub)
    assert (report.imported, report.defects) == (25, {})


def test_images_in_capitals_throughout_are_found(tub: SyntheticTub) -> None:
    tub.images = {name.upper(): content for name, content in tub.images.items()}
    (tub.write() / "images").rename(tub.folder / "IMAGES")
    report, _ = imported(tub)
    assert (report.imported, report.defects) == (25, {})


def test_of_two_images_that_differ_in_case_the_one_that_is_named_is_taken(tub: SyntheticTub) -> None:
    tub.images["3_CAM_image_array_.jpg"] = frame_of(11).jpeg
    tub.images["4_cam_image_array_.JPG"] = frame_of(12).jpeg
    if (tub.write() / "IMAGES").exists():
        pytest.skip("this disk does not tell names by case")
    report, _ = imported(tub)
    assert report.defects == {Defect.ORPHAN_IMAGE: 2}
    with Session.open(report.path) as session:
        assert [session.frame_at(index).jpeg for index in (3, 4)] == [frame_of(3).jpeg, frame_of(4).jpeg]


@pytest.mark.parametrize(
    "folder", ["/home/someone/mycar/data/images/", "C:\\Users\\me\\tub\\images\\", "images/", "../../", "./"]
)
def test_a_path_of_another_machine_is_looked_up_by_its_last_part(tub: SyntheticTub, folder: str) -> None:
    for record in tub.records:
        record["cam/image_array"] = folder + record["cam/image_array"]
    report, _ = imported(tub)
    assert (report.imported, report.defects) == (25, {})


def test_a_path_of_another_machine_in_a_tub_of_version_1_is_looked_up_by_its_last_part(tmp_path: Path) -> None:
    tub = write_tub(tmp_path / "tub_9")
    for number in range(1, 13):
        path = tub / f"{number}_cam-image_array_.jpg"
        write_record(tub, number)
        content = path.read_bytes()
        (tub / f"record_{number}.json").write_text(
            (tub / f"record_{number}.json").read_text().replace(path.name, f"/home/someone/tub_9/{path.name}")
        )
        path.unlink()
        path.with_suffix(".JPG").write_bytes(content)
    report = import_tub(tub, tmp_path / "out.mcap")
    assert (report.imported, report.defects) == (12, {})


def test_no_name_leads_out_of_the_tub(tub: SyntheticTub) -> None:
    (tub.folder.parent / "secret.jpg").write_bytes(frame_of(9).jpeg)
    tub.records[3]["cam/image_array"] = "../../secret.jpg"
    tub.records[4]["cam/image_array"] = str(tub.folder.parent / "secret.jpg")
    report, _ = imported(tub)
    assert report.defects == {Defect.MISSING_IMAGE: 2, Defect.ORPHAN_IMAGE: 2}


def png(number: int) -> bytes:
    bgr = cv2.cvtColor(frame_of(number).decode().image, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".png", bgr)[1].tobytes()


def test_png_images_are_made_jpeg_and_counted(tub: SyntheticTub) -> None:
    tub.images = {f"{number}_cam_image_array_.png": png(number) for number in range(25)}
    for record in tub.records:
        record["cam/image_array"] = record["cam/image_array"].replace(".jpg", ".png")
    tub.images["5_cam_image_array_.png"] = png(5)[:-30]
    report, _ = imported(tub)
    assert report.imported + report.defects.get(Defect.BROKEN_IMAGE, 0) == 25
    assert report.defects[Defect.PNG_IMAGE] == report.imported
    with Session.open(report.path) as session:
        shown, original = session.frame_at(3).decode().image, frame_of(3).decode().image
    assert np.abs(shown.astype(int) - original.astype(int)).mean() < 3
