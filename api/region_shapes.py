"""地区接口的形状: what the interface answers about trust lists, peers and lower regions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel

from verify.report import rfc3339

if TYPE_CHECKING:
    from licence_store.regions.models import UpwardLicence


class ListStateBody(BaseModel):
    """信任列表的状况: how old the list is that this node believes."""

    region: str
    name: str
    role: str
    """``node`` or ``hub``."""
    number: int | None = None
    digest: str | None = None
    issued_at: str | None = None
    next_update: str | None = None
    age_seconds: int | None = None
    fresh: bool = False


class UpwardHeadBody(BaseModel):
    """How far a lower region has been heard."""

    region: str
    number: int
    digest: str
    event: int


class UnionTypeBody(BaseModel):
    """A type of the union catalogue."""

    code: str
    name: str
    regions: list[str]


class UnionCatalogueBody(BaseModel):
    """汇总目录: the types of all regions, with who issues them."""

    types: list[UnionTypeBody]
    regions: dict[str, str | None]
    """Region → when its catalogue was generated; none: never got."""


def upward_row(one: UpwardLicence) -> dict[str, object]:
    """A lower region's licence, as it last said."""
    return {
        "region": one.region,
        "licence_id": one.licence_id,
        "version": one.version,
        "type_code": one.type_code,
        "licence_number": one.number,
        "holder_name": one.holder_name,
        "issuer_name": one.issuer_name,
        "state": one.state,
        "since": rfc3339(one.since),
        "valid_to": one.ends or None,
        "known_as_of": rfc3339(one.as_of),
    }
