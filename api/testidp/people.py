"""演示人物: who can be chosen at the demonstration provider: those who hold licences of the region, all made up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from licence_store.holding.accounts import check_holder
from licence_store.holding.holder import CITIZEN_NUMBER, CREDIT_CODE, Holder
from licence_store.models import Licence
from trust.algorithms import sm3
from trust.errors import LicenceTrustError
from trust.identifiers import DEMONSTRATION_AREA, citizen_check_char, first_version, plain_number

if TYPE_CHECKING:
    from licence_store.desk import Desk

SHOWN: Final = 12
"""Of each kind; others are found by their number."""
_LOOKED_AT: Final = 200
AGENTS: Final = ("周代办", "吴经办", "郑助理")
"""Who hold nothing and act for others."""


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """演示人物, and the company they represent, if any."""

    person: Holder
    company: Holder | None = None


def sample_people(desk: Desk) -> tuple[DemoPerson, ...]:
    """Citizens with licences, legal representatives of companies with licences, and some agents."""
    query = select(Licence.holder_code, Licence.holder_code_type, Licence.holder_name, Licence.base)
    with desk.sessions.read() as session:
        rows = session.execute(query.order_by(Licence.place.desc()).limit(_LOOKED_AT)).all()
    people: dict[str, DemoPerson] = {}
    companies: dict[str, DemoPerson] = {}
    for code, code_type, name, base in rows:
        if code_type == CREDIT_CODE and code not in companies and len(companies) < SHOWN:
            companies[code] = DemoPerson(_representative(desk, base, code), Holder(code, code_type, name))
        elif code_type == CITIZEN_NUMBER and code not in people and len(people) < SHOWN:
            people[code] = DemoPerson(Holder(code, code_type, name))
    agents = tuple(DemoPerson(made_up(name, name)) for name in AGENTS)
    return (*people.values(), *companies.values(), *agents)


def person_of(desk: Desk, code: str, name: str = "") -> DemoPerson:
    """Whoever has this number: of the samples, of the register, or made up on the spot.

    A company's code stands for its legal representative. Raises ``Malformed("holder.code", "holder.name")``.
    """
    code = plain_number(code)
    for one in sample_people(desk):
        if code in (one.person.code, one.company.code if one.company else ""):
            return one
    query = select(Licence.holder_code_type, Licence.holder_name, Licence.base).where(Licence.holder_code == code)
    with desk.sessions.read() as session:
        row = session.execute(query.order_by(Licence.place.desc()).limit(1)).first()
    if row is not None and row[0] == CREDIT_CODE:
        return DemoPerson(_representative(desk, row[2], code), Holder(code, CREDIT_CODE, row[1]))
    if row is not None:
        return DemoPerson(Holder(code, row[0], row[1]))
    return DemoPerson(check_holder(Holder(code, CITIZEN_NUMBER, name)))


def made_up(name: str, seed: str) -> Holder:
    """A person of this name whom nobody knows, always the same for a ``seed``."""
    digest = int.from_bytes(sm3(seed.encode())[:6], "big")
    day, rest = digest % 28 + 1, digest // 28
    month, rest = rest % 12 + 1, rest // 12
    year, rest = 1965 + rest % 35, rest // 35
    first17 = f"{DEMONSTRATION_AREA}0000{year}{month:02d}{day:02d}{rest % 999 + 1:03d}"
    return Holder(first17 + citizen_check_char(first17), CITIZEN_NUMBER, name)


def _representative(desk: Desk, base: str, code: str) -> Holder:
    """法定代表人 as the licence names them."""
    try:
        message = desk.register.find(str(first_version(base))).message
        name = next((one.value for one in message.face if one.name == "legal_representative"), "")
    except LicenceTrustError:
        name = ""
    return made_up(name or "演示法人", code)
