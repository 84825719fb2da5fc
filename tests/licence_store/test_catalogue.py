"""The catalogue: versions of types, and who issues what."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from sqlalchemy import update

from licence_store.definitions import shipped_definitions
from licence_store.desk import Desk, now
from licence_store.models import Grant, LicenceVersion
from licence_store.recovery import recover
from tests.licence_store.conftest import OFFICER
from trust.errors import Conflict, LicenceTrustError, NotFound
from trust.journal import SYSTEM

TEACHER = "teacher-certificate"


def changed(desk: Desk, **changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(desk.catalogue.get(TEACHER).source), **changes}


def test_named_by_code_slug_or_name(desk: Desk) -> None:
    definition = desk.catalogue.get(TEACHER)
    assert desk.catalogue.get(definition.code) is desk.catalogue.get(definition.name) is definition
    for name in ("", "none", "'; DROP TABLE licence; --"):
        with pytest.raises(NotFound):
            desk.catalogue.get(name)


def test_same_content_is_no_new_version(desk: Desk) -> None:
    assert desk.catalogue.import_definition(changed(desk), SYSTEM).version == 1


def test_licences_keep_the_version_they_were_reserved_under(desk: Desk) -> None:
    records = list(desk.catalogue.get(TEACHER).example_records(2))
    desk.issuer.reserve(desk.issuer.apply(TEACHER, records[:1], OFFICER))
    source = changed(desk)
    source["name"] = {**source["name"], "en": "Teaching licence"}
    assert desk.catalogue.import_definition(source, SYSTEM).version == 2
    assert desk.catalogue.get(TEACHER).name_en == "Teaching licence"
    [old] = recover(desk.issuer).completed
    new = desk.issuer.issue(TEACHER, records[1], officer=OFFICER)
    with desk.sessions.read() as session:
        assert [session.get_one(LicenceVersion, i.licence_id).type_version for i in (old, new)] == [1, 2]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"slug": "business-licence"}, "type.slug_taken"),
        ({"slug": "other-slug"}, "type.slug_taken"),
        ({"schema": {}}, "type.missing"),
        ({"name": 5}, "type.missing"),
    ],
)
def test_refused_definitions(desk: Desk, changes: dict[str, Any], code: str) -> None:
    with pytest.raises(LicenceTrustError) as caught:
        desk.catalogue.import_definition(changed(desk, **changes), SYSTEM)
    assert caught.value.code.partition(".")[0] == code.partition(".")[0]
    assert len(desk.catalogue.list()) == len(shipped_definitions())


def test_who_issues_what(desk: Desk) -> None:
    code = desk.catalogue.get(TEACHER).code
    assert desk.catalogue.types_of("education") == (code,)
    with desk.sessions.read() as session:
        [right] = desk.catalogue.rights(session, code)
    with pytest.raises(Conflict):
        desk.catalogue.grant(TEACHER, "education", right.seal_id, SYSTEM)
    desk.catalogue.grant(TEACHER, "market", right.seal_id, SYSTEM)
    with pytest.raises(LicenceTrustError) as caught, desk.sessions.read() as session:
        desk.catalogue.right(session, code, None)
    assert caught.value.code == "grant.ambiguous"
    with desk.sessions.begin() as session:
        session.execute(update(Grant).where(Grant.department_id == "market").values(ended=now()))
    with desk.sessions.read() as session:
        assert desk.catalogue.right(session, code, None) == right
