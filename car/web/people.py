"""Who may use the car: the owner's page lists them, revokes them, and shows a QR code that lets someone in."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from car.pairing.machine import own_hosts
from car.pairing.roles import Role
from car.pairing.sheet import qr_picture
from car.pairing.store import CODE_VALID_NS, MAX_NAME, NUMBER_LETTERS, Guest, PairedBrowser, ServerAddress
from car.web.access import Access, access_of, refuse
from car.web.problems import PROBLEMS
from hardware.clock import NS_PER_S

router = APIRouter(tags=["pairing"], responses=PROBLEMS)
CarAccess = Annotated[Access, Depends(access_of)]


class Invitation(BaseModel):
    """Who is to be let in, by what name, and with which role."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(max_length=MAX_NAME)] = ""
    role: Role


class People(BaseModel):
    """Who is paired, and for whom there is a code that was not used yet; ``you`` is the number of who asks."""

    paired: list[PairedBrowser]
    invited: list[Guest]
    you: str


class Code(BaseModel):
    """A code that works once, the address that has it, and the address as a QR code, for an ``img``."""

    code: str
    address: str
    picture: str
    valid_s: int


@router.get("/people")
def list_people(request: Request, access: CarAccess) -> People:
    """Return who is paired, and who may still come with a code."""
    who = access.who(request.scope)
    return People(paired=access.store.browsers(), invited=access.store.waiting(), you=who.number if who else "")


@router.post("/people", status_code=201)
def invite(request: Request, access: CarAccess, invitation: Invitation) -> Code:
    """Make a code that lets one browser in, within ten minutes."""
    code = access.store.new_code(Guest(invitation.name.strip(), invitation.role))
    server: Any = request.scope["server"]
    address = ServerAddress(server[1], access.tls).invitation(own_hosts()[0], code)
    return Code(code=code, address=address, picture=qr_picture(address), valid_s=CODE_VALID_NS // NS_PER_S)


@router.delete("/people/{number}", status_code=204)
def revoke_number(access: CarAccess, number: str) -> Response:
    """Revoke the browser or laptop of that number; it is out at once."""
    if len(number) != NUMBER_LETTERS or not access.store.revoke(number):
        return refuse(404, "Nobody of that number is paired. Load the list again.")
    return Response(status_code=204)
