"""证照副本专用章: the node's own seal, with which it makes copies and nothing else.

A region's register holds it as it holds every seal: of the kind ``copy``, kept by the body that runs the node, with a
key of its own. A new demonstration region has one from the beginning; in one made by an earlier version it is made when
it is first needed. Elsewhere it is applied for, approved and made as any seal is (``docs/seals.md``); of several in use
the first by its code is taken.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from keys.demonstration import Department as Certified
from keys.demonstration import certify_department
from licence_store.folder import unwritable
from licence_store.models import Department
from seal.copies import COPY_SEAL_KIND
from seal.database import Sessions
from seal.engraving import draw_impression
from seal.lifecycle import State
from seal.making import SealApplication, make_seal
from seal.models import Seal
from seal.records import NewSeal
from trust.errors import Refused
from trust.identifiers import credit_code_check_char, organisation_check_char
from trust.journal import SYSTEM

if TYPE_CHECKING:
    from keys.signer import Signer
    from licence_store.catalogue import Catalogue
    from licence_store.region import Region
    from seal.register import SealRegister

DEPARTMENT: Final = "copies"
"""Id of the body that runs a demonstration region's node."""
_ORGANISATION: Final = "MB0D0009"
_LOCK: Final = "copy-seal.lock"


def find_copy_seal(sessions: Sessions) -> str:
    """Code of the copy seal in use; ``""``: there is none."""
    query = select(Seal.id).where(Seal.kind == COPY_SEAL_KIND, Seal.state == State.ACTIVE).order_by(Seal.id).limit(1)
    with sessions.read() as session:
        return session.execute(query).scalar() or ""


def demand_copy_seal(region: Region, catalogue: Catalogue, seals: SealRegister, now: datetime) -> str:
    """Code of the copy seal in use, made now where this is a demonstration region that never had one.

    Raises ``Refused("copy.no_seal")``, ``Unavailable`` where keys or folder cannot be had.
    """
    found = find_copy_seal(catalogue.sessions)
    if found:
        return found
    if not region.demonstration or _had_one(catalogue.sessions):
        raise Refused(
            "copy.no_seal",
            "本节点没有启用的证照副本专用章，不能制作用证副本。",
            remedy="请申请、制作并启用一枚种类为“证照副本专用章”（copy）的印章。",
        )
    with _alone(region):
        return find_copy_seal(catalogue.sessions) or make_copy_seal(region, catalogue, seals, now)


def make_copy_seal(region: Region, catalogue: Catalogue, seals: SealRegister, now: datetime) -> str:
    """Department, key, seal and its registration in a demonstration region; what a crash left is taken up."""
    name, code = f"{region.name}电子证照库", _credit_code(region.code)
    with catalogue.sessions.read() as session:
        known = session.get(Department, DEPARTMENT) is not None
    if not known:
        catalogue.add_department(DEPARTMENT, name, code, SYSTEM)
    signer = _signer(region, name, code, now)
    seal_id, seal_name, start = f"{region.code}COPY01", f"{name}证照副本专用章", now.replace(microsecond=0)
    certificate = signer.certificate
    application = SealApplication(
        seal_id, seal_name, (certificate,), start, certificate.not_after, kind=COPY_SEAL_KIND, purpose="制作用证副本"
    )
    picture = draw_impression(COPY_SEAL_KIND, name, "", text="演示副本章")
    made = make_seal(application, region.keyring.signer("seal-maker"), picture, moment=start)
    wanted = NewSeal(seal_name, DEPARTMENT, kind=COPY_SEAL_KIND, purpose="制作用证副本", seal_id=seal_id)
    seals.enrol(wanted, made, key_name=f"signer-{code}")
    return seal_id


def _signer(region: Region, name: str, code: str, now: datetime) -> Signer:
    key_name = f"signer-{code}"
    if key_name not in region.keyring.names():
        made = certify_department(region.keyring.signer("issuing-ca"), region.name, Certified(name, code), now)
        region.keyring.add(key_name, made.key, made.certificate)
    return region.keyring.signer(key_name)


def _credit_code(region_code: str) -> str:
    first = f"12{region_code}{_ORGANISATION}{organisation_check_char(_ORGANISATION)}"
    return first + credit_code_check_char(first)


def _had_one(sessions: Sessions) -> bool:
    """Was there one that has been frozen or destroyed? Then people decide, not we."""
    with sessions.read() as session:
        return session.execute(select(Seal.id).where(Seal.kind == COPY_SEAL_KIND).limit(1)).scalar() is not None


@contextmanager
def _alone(region: Region) -> Iterator[None]:
    """One process at a time."""
    path = region.directory / "keys" / _LOCK
    try:
        with path.open("ab") as file:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX)
            yield
    except OSError as error:
        raise unwritable(_LOCK, error) from error
