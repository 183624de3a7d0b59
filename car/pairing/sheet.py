"""A sheet of pairing codes for a class: a file of names becomes a page to be printed and cut apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from car.errors import AccessError
from car.files import reason
from car.pairing.roles import Role
from car.pairing.store import Guest

QR_SCALE = 4
PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Pairing codes of {car}</title>
<style>
body {{ font: 11pt/1.3 sans-serif; margin: 8mm; color: #000; background: #fff }}
ul {{ display: flex; flex-wrap: wrap; list-style: none; margin: 0; padding: 0 }}
li {{ box-sizing: border-box; width: 62mm; padding: 4mm; border: 1px dashed #777; break-inside: avoid;
  text-align: center; margin: 0 -1px -1px 0; overflow-wrap: anywhere }}
li svg {{ width: 46mm; height: 46mm }}
b {{ display: block; font-size: 14pt }}
code {{ font-size: 9pt }}
</style>
<h1>Pairing codes of {car}</h1>
<p>Each code lets one device in, once, within {minutes} minutes, unless the car's computer is restarted meanwhile.
Cut along the dashes. Delete this file when the class is in.</p>
<ul>
{slips}
</ul>
</html>
"""
SLIP = """\
<li><b>{name}</b>{picture}<br>{role} · {car}<br><code>{page}</code><br><code>{code}</code></li>"""
ROLES = {Role.WATCH: "may watch, and stop", Role.DRIVE: "may drive", Role.OWN: "may do everything"}


@dataclass(frozen=True, slots=True)
class Slip:
    """What one person gets: a code, and the address that has it, for whom they are."""

    guest: Guest
    code: str
    address: str


def read_names(path: Path, role: Role) -> list[Guest]:
    """Return the people of a file with a name on each line, perhaps with ``,role`` behind it, which else is ``role``.

    Raises AccessError where there is none, or where a line makes no sense.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise AccessError(f"{path} cannot be read ({reason(error)}). Check its name.") from error
    except UnicodeDecodeError:
        raise AccessError(f"{path} is no text in UTF-8. Save it as such.") from None
    guests = [_guest(path, number, line, role) for number, line in enumerate(lines, 1) if line.strip()]
    if not guests:
        raise AccessError(f"{path} has no names. Write one on each line.")
    return guests


def sheet_of(car: str, slips: Sequence[Slip], minutes: int) -> str:
    """Return a page in HTML that has everyone's QR code, name and code, and needs nothing beside it."""
    made = "\n".join(
        SLIP.format(
            name=escape(slip.guest.name),
            picture=_drawn(slip.address),
            role=ROLES[slip.guest.role],
            car=escape(car),
            page=escape(slip.address.partition("#")[0]),
            code=slip.code,
        )
        for slip in slips
    )
    return PAGE.format(car=escape(car), minutes=minutes, slips=made)


def qr_picture(text: str) -> str:
    """Return a QR code of ``text`` as an address that an ``img`` shows.

    >>> qr_picture("http://192.0.2.7:8887/").startswith("data:image/svg+xml")
    True
    """
    import segno

    return segno.make_qr(text, error="m").svg_data_uri(scale=QR_SCALE, light="#fff")


def _drawn(text: str) -> str:
    import segno

    return segno.make_qr(text, error="m").svg_inline(scale=QR_SCALE, omitsize=True)


def _guest(path: Path, number: int, line: str, role: Role) -> Guest:
    name, comma, said = line.rpartition(",")
    if not comma:
        return Guest(line.strip(), role)
    if said.strip().lower() not in set(Role):
        raise AccessError(
            f"{path}, line {number}: {said.strip()!r} is no role. Write {', '.join(Role)} behind the comma."
        )
    if not name.strip():
        raise AccessError(f"{path}, line {number}: there is no name. Write one before the comma.")
    return Guest(name.strip(), Role(said.strip().lower()))
