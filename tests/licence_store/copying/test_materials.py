"""Copies of what a holder brought: never worth more than the material is, and gone with it."""

from __future__ import annotations

from datetime import timedelta

from licence_store.materials.views import MaterialView
from licence_store.standing import day_of
from seal.lifecycle import Official, Role
from tests.licence_store.copying.conftest import PURPOSE, Counter
from tests.licence_store.copying.test_copier import code_of, told
from tests.licence_store.uploads import makers
from verify.report import Indication


def bring(counter: Counter, kind: str = "licence_scan", title: str = "毕业证书") -> MaterialView:
    """A scan, as the space takes it."""
    desk, who = counter.desk, counter.who
    picture = makers.jpeg(1240, 1754, dpi=(150, 150))
    stored = desk.uploads.accept("a.jpg", picture, owner=who.holder.code, kind=kind, actor=who.actor())
    more = {"type_code": "teacher-certificate"} if kind == "licence_scan" else {}
    return desk.materials.add(who, stored, kind=kind, title=title, **more)


def test_level_c_never_passes_by_itself(counter: Counter) -> None:
    material = bring(counter)
    mine = {"purpose": PURPOSE, "recipient": counter.recipient}
    for form in ("pdf", "ofd"):
        made = counter.copier.make(counter.who, material.id, counter.request(), form)
        assert (made.view.level, made.view.original_check, made.view.source_kind) == ("C", True, "material")
        assert told(counter, made.data, **mine) == (Indication.INDETERMINATE, "ORIGINAL_CHECK_REQUIRED")
    unseen, seen = counter.stated(), counter.stated(original_seen=True)
    assert code_of(lambda: counter.copier.accept(made.data, counter.clerk, unseen)) == "copy.original_check_required"
    other = counter.stated(original_seen=True, purpose="申请贷款")
    assert code_of(lambda: counter.copier.accept(made.data, counter.clerk, other)) == "copy.purpose_differs"
    use = counter.copier.accept(made.data, counter.clerk, seen)
    assert (use.number, use.original_seen) == (1, True)
    content = counter.desk.uploads.open(material.upload_id)
    assert content not in made.data
    assert counter.copier.picture(counter.who, made.id).startswith(b"\x89PNG")


def test_once_checked_it_passes_until_the_original_ends(counter: Counter) -> None:
    material = bring(counter)
    before = counter.copier.make(counter.who, material.id, counter.request())
    officer = Official(counter.clerk, Role.OFFICER)
    until = (day_of(counter.clock()) + timedelta(days=3)).isoformat()
    checked = counter.desk.materials.check(
        material.id, officer, compared=[("姓名", "林望舒", "林望舒")], original_seen=True, reason="与原件核对无误",
        valid_until=until,
    )  # fmt: skip
    assert checked.level == "B"
    made = counter.copier.make(counter.who, material.id, counter.request())
    assert (made.view.level, made.view.original_check) == ("B", False)
    assert made.view.until < counter.request().until  # the earlier end counts (T2)
    mine = {"purpose": PURPOSE, "recipient": counter.recipient}
    assert told(counter, made.data, **mine) == (Indication.PASSED, None)
    assert counter.copier.accept(made.data, counter.clerk, counter.stated()).number == 1
    assert counter.copier.accept(before.data, counter.clerk, counter.stated(original_seen=True)).number == 1


def test_self_made_passes_as_the_holder_s_word(counter: Counter) -> None:
    material = bring(counter, "self_made", "情况说明")
    made = counter.copier.make(counter.who, material.id, counter.request())
    assert (made.view.level, made.view.original_check) == ("D", False)
    assert told(counter, made.data, purpose=PURPOSE, recipient=counter.recipient) == (Indication.PASSED, None)


def test_a_refused_or_deleted_material_takes_its_copies_with_it(counter: Counter) -> None:
    officer = Official(counter.clerk, Role.OFFICER)
    mine = {"purpose": PURPOSE, "recipient": counter.recipient}
    refused, deleted = bring(counter), bring(counter)
    copies = [counter.copier.make(counter.who, one.id, counter.request()) for one in (refused, deleted)]
    counter.desk.materials.refuse(refused.id, officer, "illegible")
    counter.desk.materials.delete(deleted.id, counter.who)
    for made, material in zip(copies, (refused, deleted), strict=True):
        assert told(counter, made.data, **mine) == (Indication.FAILED, "COPY_REVOKED")
        accept = counter.stated(original_seen=True)
        answered = code_of(lambda made=made, accept=accept: counter.copier.accept(made.id, counter.clerk, accept))
        assert answered == "copy.original_ended"
        assert code_of(lambda made=made: counter.copier.file(counter.who, made.id)) == "copy.original_ended"
        assert code_of(lambda made=made: counter.copier.link(counter.who, made.id)) == "copy.original_ended"
        again = code_of(lambda material=material: counter.copier.make(counter.who, material.id, counter.request()))
        assert again in ("copy.material_state", "material.state", "material.unknown")
    assert counter.copier.sweep(counter.clock()) == 1  # the deleted one's file goes


def test_fields_of_a_picture_are_not_masked(counter: Counter) -> None:
    material = bring(counter)
    request = counter.request(masked=("name",))
    assert code_of(lambda: counter.copier.make(counter.who, material.id, request)) == "copy.mask_material"
