"""A sheet of codes for a class, as `car pair --sheet` makes it."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner

from car.cli import network  # noqa: F401 - adds the command
from car.cli.app import app
from car.config.folder import init_car
from car.pairing.roles import Role
from car.pairing.store import AccessStore
from hardware.clock import SystemClock


@pytest.fixture
def car(tmp_path: Path) -> Path:
    init_car(tmp_path / "car")
    return tmp_path / "car"


def run(car: Path, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["pair", "--car", str(car), *arguments])
    return result.exit_code, result.output + (str(result.exception) if result.exception else "")


def test_every_name_of_a_file_gets_a_slip_with_a_code_that_works(car: Path, tmp_path: Path) -> None:
    names, sheet = tmp_path / "names.txt", tmp_path / "sheet.html"
    names.write_text("\ufeffAda\n\n Ben 🚗 , watch\n<b>Cleo</b>,own\nSmith, Zoë, Drive\n", encoding="utf-8")
    code, said = run(car, "--sheet", str(names), "--out", str(sheet), "--minutes", "60")
    assert code == 0, said
    assert "4 codes" in said
    assert stat.S_IMODE(sheet.stat().st_mode) == 0o600
    page = sheet.read_text(encoding="utf-8")
    assert page.count("<svg") == 4
    assert "<b>&lt;b&gt;Cleo&lt;/b&gt;</b>" in page
    store = AccessStore(car, SystemClock())
    for found in re.findall(r"<code>((?:\w{4}-){3}\w{4})</code>", page):
        assert store.redeem(found) is not None
    assert [(one.name, one.role) for one in store.browsers()] == [
        ("Ada", Role.DRIVE),
        ("Ben 🚗", Role.WATCH),
        ("<b>Cleo</b>", Role.OWN),
        ("Smith, Zoë", Role.DRIVE),
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"Ada\nBen,king\n", "line 2: 'king' is no role"),
        (b"\n\n", "has no names"),
        (b"Ada\n,watch\n", "line 2: there is no name"),
        (b"\xff\xfe\x00", "no text in UTF-8"),
        (b"Ada\nada\n", "comes twice"),
        (b"x" * 200, "is no name"),
        (b"\n".join(b"Pupil %d" % number for number in range(51)), "50 codes at most"),
        (None, "cannot be read"),
    ],
    ids=["role", "empty", "nameless", "bytes", "twice", "long", "many", "missing"],
)
def test_a_file_that_makes_no_sense_is_refused_in_a_sentence_and_no_code_is_made(
    car: Path, tmp_path: Path, content: bytes | None, words: str
) -> None:
    names = tmp_path / "names.txt"
    if content is not None:
        names.write_bytes(content)
    code, said = run(car, "--sheet", str(names), "--out", str(tmp_path / "sheet.html"))
    assert code != 0
    assert words in said
    assert AccessStore(car, SystemClock()).waiting() == []
    assert not (tmp_path / "sheet.html").exists()


def test_a_sheet_that_cannot_be_written_leaves_no_code(car: Path, tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("Ada\n", encoding="utf-8")
    code, said = run(car, "--sheet", str(tmp_path / "names.txt"), "--out", str(tmp_path / "nowhere" / "sheet.html"))
    assert code != 0
    assert "cannot be written" in said
    assert AccessStore(car, SystemClock()).waiting() == []


def test_people_are_listed_with_their_roles_and_revoked_by_name(car: Path) -> None:
    assert "It is for Ada, who may drive." in run(car, "--name", "Ada")[1].replace("\n", " ")
    run(car, "--name", "Ben", "--role", "watch")
    store = AccessStore(car, SystemClock())
    assert [(guest.name, guest.role) for guest in store.waiting()] == [("Ada", Role.DRIVE), ("Ben", Role.WATCH)]
    store.redeem(re.findall(r"#(\S+)", run(car, "--name", "Ada")[1])[0])
    assert [line.split() for line in run(car, "--list")[1].splitlines()] == [
        [store.browsers()[0].number, "drive", "Ada"],
        ["unused", "watch", "Ben"],
    ]
    assert run(car, "--revoke", "ada")[0] == 0
    assert store.browsers() == []
    code, said = run(car, "--revoke", "Ada")
    assert code != 0
    assert "Nobody has the number or the name Ada" in said


def test_without_options_one_code_is_the_owners(car: Path) -> None:
    said = run(car)[1]
    assert "Within ten minutes, open this in the browser that will drive. It works once.\n" in said
    store = AccessStore(car, SystemClock())
    store.redeem(re.findall(r"#(\S+)", said)[0])
    assert [one.role for one in store.browsers()] == [Role.OWN]
