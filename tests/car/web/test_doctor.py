"""The doctor's report, as the command gives it."""

from __future__ import annotations

import json
from pathlib import Path

from car.doctor.examination import examine
from tests.car.web.serving import serving


def test_the_page_gets_what_the_command_prints(tmp_path: Path) -> None:
    with serving(tmp_path / "mycar") as served:
        answer = served.client.get("doctor").json()
        printed = json.loads(examine(served.folder.path).to_json())
    assert answer.keys() == printed.keys()
    assert [finding["check"] for finding in answer["findings"]] == [finding["check"] for finding in printed["findings"]]
    assert answer["findings"][0].keys() == printed["findings"][0].keys()
    assert (answer["schema"], answer["car"]) == (printed["schema"], printed["car"])


def test_a_car_toml_with_a_mistake_is_a_finding(tmp_path: Path) -> None:
    with serving(tmp_path / "mycar") as served:
        (served.folder.path / "car.toml").write_text("[camera")
        report = served.client.get("doctor").json()
    assert report["level"] == "error"
    assert any("not valid TOML" in finding["text"] for finding in report["findings"])
