"""The documentation site: it builds without a warning, leads nowhere in vain, and says what the program says."""

from __future__ import annotations

import html
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from car.gate import ArmRefusal, TripReason
from car.web.app import describe_api
from tests.car.doctor.patients import Clinic, bad
from tests.docs.commands import NEEDS_A_CAR, Shown, car_commands, refusal
from tests.machines import GOVERNOR, make_machine, make_pi_4, make_pi_5, set_temperature

ROOT = Path(__file__).parents[2]
PAGES = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "hardware/README.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
WITHOUT_A_CAR = [ROOT / "docs/get-started.md", *sorted((ROOT / "docs/course").glob("*.md"))]
"""Pages that a reader follows with no more than a computer."""
COMMANDS = [command for page in PAGES for command in car_commands(page)]
TARGET = re.compile(r'(?:href|src)="([^"]+)"')
LOADED = re.compile(r'<(?:script|img|source)[^>]* src="([^"]+)"|<link[^>]* rel="stylesheet"[^>]* href="([^"]+)"')
FINDING = re.compile(r"<strong>[✗!] (.*?)</strong>", re.DOTALL)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, as ``make docs`` makes it."""
    target = tmp_path_factory.mktemp("site")
    options = ("-c", "docs", "-b", "html", "--fail-on-warning", "--keep-going", "--quiet")
    build = subprocess.run(
        [sys.executable, "-m", "sphinx", *options, ".", str(target)], cwd=ROOT, capture_output=True, text=True
    )
    assert (build.returncode, build.stdout, build.stderr) == (0, "", "")
    return target


def text_of(page: Path) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", page.read_text(encoding="utf-8"))).split())


def test_the_contents_have_every_page(site: Path) -> None:
    contents = (site / "docs/index.html").read_text(encoding="utf-8").partition('<div class="main">')[0]
    listed = {(site / "docs" / target).resolve() for target in re.findall(r'href="([^"#:]+\.html)"', contents)}
    missing = [page for page in PAGES if site / page.relative_to(ROOT).with_suffix(".html") not in listed]
    assert missing == [ROOT / "docs/index.md"], "the index is the one page that its own contents name by a #"


def test_every_link_within_the_site_leads_to_a_place_that_is_there(site: Path) -> None:
    sources = {page.resolve(): page.read_text(encoding="utf-8") for page in site.rglob("*.html")}
    places = {page: set(re.findall(r'\bid="([^"]+)"', source)) for page, source in sources.items()}
    followed = 0
    for page, source in sources.items():
        for target in TARGET.findall(source):
            parts = urlsplit(html.unescape(target))
            if parts.scheme or target == "#":
                continue
            leads_to = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            assert leads_to.is_file(), f"{page.name} leads to {target}"
            assert not parts.fragment or leads_to.suffix != ".html" or unquote(parts.fragment) in places[leads_to], (
                target
            )
            followed += 1
    assert followed > 1000


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    loaded = [target for page in site.rglob("*.html") for target in LOADED.findall(page.read_text(encoding="utf-8"))]
    assert len(loaded) > 100
    assert not [target for target in loaded if urlsplit("".join(target)).netloc]
    assert not [
        sheet
        for sheet in site.rglob("*.css")
        if re.search(r"(?:url\(|@import )['\"]?(?:https?:)?//", sheet.read_text())
    ]


def test_the_http_page_has_every_request_of_the_api(site: Path) -> None:
    text = text_of(site / "docs/http-api.html")
    requests = [f"{method.upper()} {path}" for path, each in describe_api()["paths"].items() for method in each]
    assert len(requests) > 25
    assert not [request for request in requests if request not in text]


def test_the_troubleshooting_page_has_all_that_the_gate_says(site: Path) -> None:
    text = text_of(site / "docs/troubleshooting.html")
    assert not [reason for reason in (*ArmRefusal, *TripReason) if reason.value not in text]


@pytest.mark.parametrize("make", [make_pi_4, make_pi_5])
def test_the_troubleshooting_page_has_whatever_the_doctor_finds_on_a_sick_car(site: Path, tmp_path: Path, make) -> None:  # type: ignore[no-untyped-def]
    clinic = Clinic(tmp_path, make, {})
    set_temperature(clinic.root, 85.0)
    make_machine(clinic.root, {GOVERNOR: "powersave\n", "boot/firmware/config.txt": "dtparam=strict_gpiod=off\n"})
    clinic.configure(
        '[camera]\nkind = "usb"\n[drivetrain]\nkind = "servo_esc"\npins = "lgpio"\n[pilot]\nmodel = "lost"\n'
    )
    source = (site / "docs/troubleshooting.html").read_text(encoding="utf-8")
    told = [html.unescape(re.sub(r"<[^>]+>", "", each)).replace("\n", " ") for each in FINDING.findall(source)]
    patterns = [re.compile(".*".join(map(re.escape, each.split("…"))), re.DOTALL) for each in told]
    found = bad(clinic.examine())
    assert {"temperature", "governor", "steering", "released_pins", "camera", "arrays"} <= {
        each.check for each in found
    }
    # What a pilot or a package says of itself is its own.
    assert {each.check for each in found if not any(one.fullmatch(each.text) for one in patterns)} <= {"pilot"}


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: f"{command.page.stem}: {command.words}")
def test_every_command_on_a_page_is_one_that_the_program_takes(command: Shown) -> None:
    assert not refusal(command.arguments)


def test_what_the_program_does_not_take_is_refused() -> None:
    wrong = ("drive --nope", "fly", "models show", "init one two", "simulate --laps", "simulate --laps many")
    assert not [line for line in wrong if not refusal(tuple(line.split()))]


def test_pages_for_readers_without_a_car_need_none() -> None:
    commands = [command for command in COMMANDS if command.page in WITHOUT_A_CAR]
    assert len(commands) > 30
    assert not [command.words for command in commands if command.arguments[0] in NEEDS_A_CAR]
