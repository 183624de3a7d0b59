"""The doctor on whole machines: a Raspberry Pi 4 and 5, a laptop; and what it does when a check breaks."""

import dataclasses
import json
from pathlib import Path

import pytest

from car.doctor import examination
from car.doctor.examination import CHECKS, examine
from car.doctor.patient import Patient
from car.doctor.report import Report
from car.kinds.verdict import Level, Verdict
from tests.car.doctor.patients import BOOKWORM_VERSIONS, TRIXIE_VERSIONS, Clinic, bad
from tests.machines import PI_4, PI_5, make_laptop, make_pi_4, make_pi_5

PI_CHECKS = {"clock", "governor", "temperature", "supply", "throttling"}


@pytest.mark.parametrize(
    ("make", "versions", "model", "system"),
    [
        (make_pi_4, BOOKWORM_VERSIONS, PI_4, "Debian GNU/Linux 12 (bookworm), 64-bit."),
        (make_pi_5, TRIXIE_VERSIONS, PI_5, "Debian GNU/Linux 13 (trixie), 64-bit."),
    ],
)
def test_a_pi_on_which_all_is_well(tmp_path: Path, make, versions, model: str, system: str) -> None:  # type: ignore[no-untyped-def]
    clinic = Clinic(tmp_path, make, versions)
    report = clinic.examine()
    assert bad(report) == []
    assert (report.machine, report.is_pi) == (model, True)
    texts = {finding.check: finding.text for finding in report.findings}
    assert texts["board"] == f"{model}."
    assert texts["system"] == system
    assert texts["temperature"] == "The processor is at 48 °C."
    assert set(texts) >= PI_CHECKS


def test_a_laptop_is_no_pi_and_its_heat_and_governor_are_its_own_affair(tmp_path: Path) -> None:
    report = Clinic(tmp_path, make_laptop, TRIXIE_VERSIONS).examine()
    assert bad(report) == []
    assert not report.is_pi
    texts = {finding.check: finding.text for finding in report.findings}
    assert texts["board"] == "Not a Pi: simulated hardware."
    assert "simulated-lane.tflite answers in" in texts["pilot"]
    assert not set(texts) & PI_CHECKS


def test_a_check_that_fails_itself_is_a_finding_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fall_over(_patient: Patient) -> list[Verdict]:
        raise ZeroDivisionError("odd machine")

    checks = [dataclasses.replace(check, run=fall_over) if check.name == "system" else check for check in CHECKS]
    monkeypatch.setattr(examination, "CHECKS", checks)
    report = Clinic(tmp_path, make_pi_4, BOOKWORM_VERSIONS).examine()
    (finding,) = bad(report)
    assert (finding.check, finding.level) == ("system", Level.WARNING)
    assert "odd machine" in finding.text
    assert "car doctor --json" in finding.fix
    assert {finding.check for finding in report.findings} == {check.name for check in CHECKS}


def test_a_machine_that_tells_nothing_is_examined_all_the_same(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path, lambda root: root, {})
    assert {finding.check for finding in bad(clinic.examine())} == {"arrays", "runtime"}


def test_a_pi_that_tells_nothing_of_itself_is_examined_all_the_same(tmp_path: Path) -> None:
    def make(root: Path) -> Path:
        (root / "proc/device-tree").mkdir(parents=True)
        (root / "proc/device-tree/model").write_text(f"{PI_5}\0", encoding="utf-8")
        return root

    assert {finding.check for finding in bad(Clinic(tmp_path, make, TRIXIE_VERSIONS).examine())} == {"system"}


def test_a_mistake_in_car_toml_is_a_finding_and_the_rest_is_examined(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path, make_laptop, TRIXIE_VERSIONS)
    clinic.configure("[camera]\nfps = 3\n")
    (finding,) = bad(clinic.examine())
    assert (finding.check, finding.level) == ("configuration", Level.ERROR)
    assert "camera.fps" in finding.text
    assert "rate_hz" in finding.fix


def test_a_folder_without_a_car_is_a_finding(tmp_path: Path) -> None:
    (finding,) = bad(examine(tmp_path / "far" / "away"))
    assert (finding.check, finding.level) == ("configuration", Level.ERROR)
    assert "car init away" in finding.fix


def test_everything_bad_says_what_fixes_it_and_every_check_has_its_own_name(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path, make_pi_4, {})
    clinic.configure("[camera]\nwidth = 320\n[pilot]\nmodel = 'lost'\n")
    assert all(finding.fix for finding in bad(clinic.examine()))
    assert len({check.name for check in CHECKS}) == len(CHECKS)


def test_the_json_report_is_the_report(tmp_path: Path) -> None:
    report = Clinic(tmp_path, make_pi_5, {}).examine()
    content = json.loads(report.to_json())
    assert (content.pop("schema"), content.pop("level")) == (1, "error")
    assert content == json.loads(json.dumps(dataclasses.asdict(report)))
    assert set(content["findings"][0]) == {"check", "group", "title", "level", "text", "fix"}


@pytest.mark.parametrize(
    ("levels", "worst"),
    [
        ((), Level.OK),
        ((Level.OK, Level.OK), Level.OK),
        ((Level.OK, Level.WARNING), Level.WARNING),
        ((Level.ERROR, Level.WARNING, Level.OK), Level.ERROR),
    ],
)
def test_a_report_is_as_bad_as_its_worst_finding(tmp_path: Path, levels: tuple[Level, ...], worst: Level) -> None:
    finding = Clinic(tmp_path, make_laptop, {}).examine().findings[0]
    findings = tuple(dataclasses.replace(finding, level=level) for level in levels)
    assert Report("mycar", "", is_pi=False, version="", findings=findings).level is worst


def test_a_car_whose_configuration_has_a_typo_is_not_taken_for_another_car(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path, make_pi_4, BOOKWORM_VERSIONS)
    clinic.configure('[camera]\nkind = "picamera"\nwidht = 160\n')
    report = clinic.examine()
    examined = {finding.check for finding in report.findings}
    assert not examined & {"pilot", "camera", "drivetrain", "steering", "i2c"}
    assert {"board", "python", "configuration", "disk_space"} <= examined
    finding = clinic.finding("configuration")
    assert "widht" in finding.text
    assert "not examined" in finding.text


def test_a_track_that_the_simulated_car_cannot_have_is_an_error(tmp_path: Path) -> None:
    laptop = Clinic(tmp_path, make_laptop, TRIXIE_VERSIONS)
    laptop.configure('[simulator]\ntrack = "lost.json"\n')
    errors = [finding for finding in laptop.examine().findings if finding.level is Level.ERROR]
    assert [finding.check for finding in errors] == ["configuration"]
    assert "There is no track file" in errors[0].text
