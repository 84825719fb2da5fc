"""The life of a type: drafts, review by another hand, publication, retirement, grants that end; every step an event."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, update

from licence_store.catalogue_life import CatalogueLife, DraftView
from licence_store.catalogue_models import TypeEvent
from licence_store.catalogue_steps import STEPS, TypeState, is_allowed, table_markdown, take
from licence_store.desk import Desk
from seal.lifecycle import Official, Role
from trust.errors import Conflict, LicenceTrustError
from trust.journal import Actor

PERMIT, TEACHER = "pollutant-permit", "teacher-certificate"
ADMIN = Official(Actor("admin"), Role.ADMIN)
ANOTHER = Official(Actor("second"), Role.ADMIN)
OFFICER = Official(Actor("environment", "environment"), Role.OFFICER)
STRANGER = Official(Actor("market", "market"), Role.OFFICER)
AUDITOR = Official(Actor("auditor"), Role.AUDITOR)


@pytest.fixture
def life(desk: Desk) -> CatalogueLife:
    return desk.catalogue_life


def source_of(desk: Desk, slug: str = PERMIT, **changes: Any) -> dict[str, Any]:
    return copy.deepcopy(desk.catalogue.get(slug).source) | changes


def refusal(act: Callable[..., object], *args: Any, **kwargs: Any) -> str:
    with pytest.raises(LicenceTrustError) as caught:
        act(*args, **kwargs)
    return caught.value.code


def handed_in(life: CatalogueLife, source: dict[str, Any], who: Official = OFFICER) -> DraftView:
    return life.take(who, life.open_draft(who, source).id, "submit")


@pytest.mark.parametrize(("step", "state", "role"), list(itertools.product(STEPS, TypeState, Role)))
def test_every_cell_of_the_table(step: str, state: TypeState, role: Role) -> None:
    if is_allowed(step, state, role):
        assert take(step, state, role) is STEPS[step].moves[state]
    else:
        assert refusal(take, step, state, role) == ("type.step" if role in STEPS[step].roles else "type.role")


def test_from_a_draft_to_the_catalogue(life: CatalogueLife, desk: Desk) -> None:
    before = life.newest()
    draft = handed_in(life, source_of(desk, name={"zh": "排污许可证（新）", "en": "Permit"}))
    assert draft.summary.state is TypeState.REVIEW and draft.summary.base_version == 1
    assert desk.catalogue.current(PERMIT).version == 1
    done = life.take(ADMIN, draft.id, "publish")
    assert done.summary.state is TypeState.PUBLISHED
    assert (desk.catalogue.current(PERMIT).version, desk.catalogue.get(PERMIT).name) == (2, "排污许可证（新）")
    assert [(e.kind, e.actor) for e in done.events] == [
        ("draft", "environment"), ("submit", "environment"), ("publish", "admin"),
    ]  # fmt: skip
    [told] = life.changes(before)
    assert (told.kind, told.version, told.digest) == ("publish", 2, desk.catalogue.get(PERMIT).digest)


def test_a_draft_need_not_be_sound_until_it_is_handed_in(life: CatalogueLife) -> None:
    draft = life.open_draft(OFFICER, {"name": {"zh": "演示证"}, "schema": 5})
    assert draft.source == {"name": {"zh": "演示证"}, "schema": 5} and draft.problem is not None
    assert refusal(life.take, OFFICER, draft.id, "submit") == "type.missing"
    assert life.draft(OFFICER, draft.id).summary.state is TypeState.DRAFT


def test_a_type_that_cannot_be_drawn_is_not_handed_in(life: CatalogueLife, desk: Desk) -> None:
    source = source_of(desk)
    source["style"]["boxes"][0] |= {"w": 1, "h": 1}
    draft = life.open_draft(OFFICER, source)
    assert refusal(life.take, OFFICER, draft.id, "submit") == "face.text_too_long"


def test_nobody_reviews_what_passed_through_his_hands(life: CatalogueLife, desk: Desk) -> None:
    draft = life.open_draft(OFFICER, source_of(desk, name={"zh": "甲", "en": "A"}))
    life.save(ADMIN, draft.id, source_of(desk, name={"zh": "乙", "en": "B"}), revision=1)
    life.take(OFFICER, draft.id, "submit")
    assert refusal(life.take, ADMIN, draft.id, "publish") == "type.same_hand"
    assert refusal(life.take, ADMIN, draft.id, "reject", reason="x") == "type.same_hand"
    assert refusal(life.take, OFFICER, draft.id, "publish") == "type.role"
    assert life.take(ANOTHER, draft.id, "publish").summary.state is TypeState.PUBLISHED
    assert desk.catalogue.get(PERMIT).name == "乙"


def test_sent_back_with_a_reason_and_handed_in_again(life: CatalogueLife, desk: Desk) -> None:
    draft = handed_in(life, source_of(desk, name={"zh": "甲", "en": "A"}))
    assert refusal(life.take, ADMIN, draft.id, "reject") == "type.reason"
    back = life.take(ADMIN, draft.id, "reject", reason="名称不规范")
    assert (back.summary.state, back.events[-1].reason) == (TypeState.DRAFT, "名称不规范")
    life.take(OFFICER, draft.id, "submit")
    life.take(OFFICER, draft.id, "recall")
    life.take(OFFICER, draft.id, "withdraw")
    assert refusal(life.take, OFFICER, draft.id, "submit") == "type.step"
    assert life.drafts(OFFICER) == () and len(life.drafts(OFFICER, closed=True)) == 1


def test_two_people_do_not_save_over_each_other(life: CatalogueLife, desk: Desk) -> None:
    draft = life.open_draft(OFFICER, source_of(desk))
    life.save(ADMIN, draft.id, source_of(desk) | {"slug": "one"}, revision=1)
    assert refusal(life.save, OFFICER, draft.id, source_of(desk) | {"slug": "two"}, revision=1) == "type.draft_changed"
    assert life.draft(OFFICER, draft.id).summary.slug == "one"


def test_what_was_published_in_between_is_not_overwritten(life: CatalogueLife, desk: Desk) -> None:
    first = handed_in(life, source_of(desk, name={"zh": "甲", "en": "A"}))
    second = handed_in(life, source_of(desk, name={"zh": "乙", "en": "B"}))
    life.take(ADMIN, first.id, "publish")
    assert refusal(life.take, ADMIN, second.id, "publish") == "type.draft_outdated"


def test_drafts_of_other_departments_are_unknown(life: CatalogueLife, desk: Desk) -> None:
    draft = life.open_draft(OFFICER, source_of(desk))
    assert refusal(life.draft, STRANGER, draft.id) == "type.draft_unknown"
    assert refusal(life.take, STRANGER, draft.id, "submit") == "type.draft_unknown"
    assert refusal(life.save, STRANGER, draft.id, {}, revision=1) == "type.draft_unknown"
    assert life.drafts(STRANGER) == ()
    assert refusal(life.open_draft, AUDITOR, {}) == "type.role"
    assert refusal(life.draft, ADMIN, "nothing") == "type.draft_unknown"


def test_what_cannot_be_kept_as_a_draft(life: CatalogueLife) -> None:
    for source in ([], None, "x"):
        assert refusal(life.open_draft, OFFICER, source) == "type.not_an_object"
    assert refusal(life.open_draft, OFFICER, {"a": float("nan")}) == "type.not_json"
    assert refusal(life.open_draft, OFFICER, {"a": "\ud800"}) == "type.not_json"
    assert refusal(life.open_draft, OFFICER, {"a": "x" * (5 << 20)}) == "type.too_large"


def test_a_retired_type_issues_nothing_more_and_its_licences_live_on(life: CatalogueLife, desk: Desk) -> None:
    officer = Actor("environment", "environment")
    first, second = desk.catalogue.get(PERMIT).example_records(2)
    issued = desk.issuer.issue(PERMIT, first, officer=officer)
    assert refusal(life.retire, ADMIN, PERMIT, " ") == "type.reason"
    assert refusal(life.retire, OFFICER, PERMIT, "x") == "type.role"
    assert life.retire(ADMIN, PERMIT, "由新证取代").state == TypeState.RETIRED
    assert refusal(life.retire, ADMIN, PERMIT, "x") == "type.step"
    assert PERMIT not in {t.slug for t in desk.catalogue.list()}
    assert refusal(desk.issuer.issue, PERMIT, second, officer=officer) == "type.retired"
    assert desk.register.find(issued.licence_id).licence_id == issued.licence_id
    report = desk.verifier().verify(desk.register.file(desk.register.find(issued.licence_id)))
    assert str(report.indication) == "TOTAL-PASSED"
    life.restore(ADMIN, PERMIT, "仍需使用")
    assert desk.issuer.issue(PERMIT, second, officer=officer).created
    assert [e.kind for e in life.history(desk.catalogue.get(PERMIT).code)][-2:] == ["retire", "restore"]


def test_a_new_version_brings_a_retired_type_back(life: CatalogueLife, desk: Desk) -> None:
    life.retire(ADMIN, PERMIT, "修订")
    draft = handed_in(life, source_of(desk))
    life.take(ADMIN, draft.id, "publish")
    assert desk.catalogue.current(PERMIT).state == TypeState.PUBLISHED


def test_grants_end_now_or_later_and_are_given_anew(life: CatalogueLife, desk: Desk) -> None:
    code, officer = desk.catalogue.get(TEACHER).code, Actor("education", "education")
    with desk.sessions.read() as session:
        [right] = desk.catalogue.rights(session, code)
    one, two, three = desk.catalogue.get(TEACHER).example_records(3)
    assert refusal(life.end_grant, ADMIN, TEACHER, "education", "") == "type.reason"
    life.end_grant(ADMIN, TEACHER, "education", "职能调整", at=desk.clock() + timedelta(days=1))
    assert desk.issuer.issue(TEACHER, one, officer=officer).created
    life.end_grant(ADMIN, TEACHER, "education", "职能调整")
    assert refusal(desk.issuer.issue, TEACHER, two, officer=officer) == "grant.missing"
    assert desk.catalogue.types_of("education") == ()
    assert refusal(life.end_grant, ADMIN, TEACHER, "education", "x") == "grant.missing"
    until = desk.clock() + timedelta(days=30)
    life.grant(ADMIN, TEACHER, "education", right.seal_id, until=until)
    assert desk.issuer.issue(TEACHER, three, officer=officer).created
    assert refusal(life.grant, ADMIN, TEACHER, "education", right.seal_id) == "grant.exists"
    assert refusal(life.grant, ADMIN, TEACHER, "nobody", right.seal_id) == "department.unknown"
    assert refusal(life.grant, ADMIN, TEACHER, "market", right.seal_id, until=desk.clock()) == "grant.until"
    assert refusal(life.grant, OFFICER, TEACHER, "market", right.seal_id) == "type.role"


def test_only_bodies_of_the_area_and_level_are_granted(life: CatalogueLife, desk: Desk) -> None:
    code = desk.catalogue.get(PERMIT).code
    with desk.sessions.read() as session:
        [right] = desk.catalogue.rights(session, code)
    draft = handed_in(life, source_of(desk, entitled=[{"area": "110000"}, {"area": "990000", "levels": ["county"]}]))
    life.take(ADMIN, draft.id, "publish")
    with desk.sessions.read() as session:
        assert desk.catalogue.rights(session, code) == ()
    assert [e.kind for e in life.history(code)][-2:] == ["publish", "end_grant"]
    assert refusal(life.grant, ADMIN, PERMIT, "environment", right.seal_id) == "grant.not_entitled"
    again = handed_in(life, source_of(desk, entitled=[{"area": "990000", "levels": ["province"]}]))
    life.take(ADMIN, again.id, "publish")
    life.grant(ADMIN, PERMIT, "environment", right.seal_id)
    assert desk.catalogue.types_of("environment") == (code,)


def test_the_feed_goes_on_from_any_place(life: CatalogueLife) -> None:
    whole = life.changes(0, 1000)
    assert [e.seq for e in whole] == sorted(e.seq for e in whole)
    assert {e.kind for e in whole} == {"import", "grant"}
    walked, place = [], 0
    while part := life.changes(place, 3):
        walked += part
        place = part[-1].seq
    assert tuple(walked) == whole


@pytest.mark.parametrize("act", [update(TypeEvent).values(reason="y"), delete(TypeEvent)])
def test_events_cannot_be_changed(desk: Desk, act: Any) -> None:
    with pytest.raises((Exception, Conflict), match="append-only|冲突|不可用"), desk.sessions.begin() as session:
        session.execute(act)


def test_the_document_prints_the_table() -> None:
    document = (Path(__file__).parents[2] / "docs" / "licence-types.md").read_text("utf-8")
    printed = document.partition("<!-- types:begin -->\n")[2].partition("<!-- types:end -->")[0]
    assert printed == table_markdown()
