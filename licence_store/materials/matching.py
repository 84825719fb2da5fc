"""更可信的原件: is there a licence of the same holder in the register that can take the place of an upload (R057)?

It is looked for among the holder's own current licences and nowhere else: what an upload says of another's licence is
never looked up, so it can tell nobody that there is one. In this order: the very file; the data message inside; the QR
code on the picture; the number stated; the seal; the only licence of the type. Found, it is offered, never taken by
itself. Where what is stated contradicts what is found (another number, another type, a code that names something else),
nothing is offered.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from licence_store.collection import confined
from licence_store.lifecycle import LicenceState
from licence_store.materials import events
from licence_store.materials.steps import matrix
from licence_store.materials.views import BetterCopy, MaterialView, Who, actor_of
from licence_store.views import LicenceSummary
from seal.lifecycle import Official
from trust.errors import Conflict, LicenceTrustError, Malformed
from trust.identifiers import parse_licence_id
from verify.report import Indication, Report

if TYPE_CHECKING:
    from licence_store.materials.materials import Materials

_READER = Path(confined.__file__).with_name("code_reader.py")
_PAGES: Final = 3
"""Pages whose codes are read; a face has rarely more."""
_WIDTH: Final = 1800
_LINK = re.compile(r"/v/([^/?#\s]{1,200})$")
SEALED: Final = frozenset({"application/ofd", "application/pdf"})
HOW: Final = ("file", "message", "code", "number", "seal", "type")


@dataclass(frozen=True, slots=True)
class _Stated:
    """What the upload says of itself."""

    licence_ids: tuple[str, ...]
    """Bases of licence ids inside it, whosever they are."""
    passed: bool
    seal_ids: tuple[str, ...]
    by_code: bool


def find(materials: Materials, view: MaterialView) -> BetterCopy | None:
    """The holder's own licence that says the same with more authority; ``None``: none can be named for certain."""
    own = [one for one in materials.register.holdings(view.holder_code) if one.state == LicenceState.CURRENT]
    if not own:
        return None
    for one in own:
        if view.digest in materials.register.forms(one.licence_id).values():
            return BetterCopy(one.licence_id, "file", is_original=True)
    fitting = [one for one in own if view.type_code in ("", one.type_code)]
    stated = _stated(materials, view)
    if stated.licence_ids:
        return _named(fitting, stated, view)
    if view.stated_number:
        same = [one for one in fitting if _plain(one.licence_number) == _plain(view.stated_number)]
        return BetterCopy(same[0].licence_id, "number") if len(same) == 1 else None
    if stated.seal_ids:
        sealed = [one for one in fitting if materials.register.find(one.licence_id).seal_id in stated.seal_ids]
        return BetterCopy(sealed[0].licence_id, "seal") if len(sealed) == 1 else None
    if view.type_code and len(fitting) == 1:
        return BetterCopy(fitting[0].licence_id, "type")
    return None


def _named(fitting: Sequence[LicenceSummary], stated: _Stated, view: MaterialView) -> BetterCopy | None:
    """By a licence id inside: one id, one of the holder's own, and nothing that speaks against it."""
    named = [one for one in fitting if one.base in stated.licence_ids]
    if len(set(stated.licence_ids)) != 1 or len(named) != 1:
        return None
    if view.stated_number and _plain(named[0].licence_number) != _plain(view.stated_number):
        return None
    return BetterCopy(named[0].licence_id, "code" if stated.by_code else "message", is_original=stated.passed)


def _stated(materials: Materials, view: MaterialView) -> _Stated:
    report = _verified(materials, view) if view.media_type in SEALED else None
    if report is not None:
        inside = _base(str(report.document.get("licence_id") or ""))
        seals = tuple(one.seal.id for one in report.signatures if one.seal is not None)
        if inside:
            return _Stated((inside,), report.indication is Indication.PASSED, seals, by_code=False)
        return _Stated(tuple(_codes(materials, view)), passed=False, seal_ids=seals, by_code=True)
    return _Stated(tuple(_codes(materials, view)), passed=False, seal_ids=(), by_code=True)


def _verified(materials: Materials, view: MaterialView) -> Report | None:
    try:
        return materials.verifier().verify(materials.uploads().open(view.upload_id))
    except LicenceTrustError:
        return None


def _codes(materials: Materials, view: MaterialView) -> Iterator[str]:
    """Bases of the licence ids in QR codes on its first pages."""
    for page in range(1, min(view.pages, _PAGES) + 1):
        try:
            picture = materials.uploads().page_picture(view.upload_id, page, _WIDTH)
            texts = json.loads(confined.run_python(_READER, [], picture))
        except (LicenceTrustError, confined.ConfinedFailure, ValueError):
            continue
        for text in texts:
            link = _LINK.search(text) if isinstance(text, str) else None
            base = _base(link.group(1) if link else text) if isinstance(text, str) else ""
            if base:
                yield base


def _base(licence_id: str) -> str:
    try:
        return parse_licence_id(licence_id).base
    except Malformed:
        return ""


def _plain(number: str) -> str:
    return "".join(unicodedata.normalize("NFKC", number).split()).upper()


# ---------------------------------------------------------------- 提示、取代


def offer(materials: Materials, item_id: str, who: Who, *, quiet: bool) -> BetterCopy | None:
    """Look for it, and write the offer down, once."""
    view = materials.find(item_id)
    role = materials.role_of(who, view, "better")
    if quiet and matrix().verdict("better", view.column, role):
        return None
    view = materials.get(item_id, who, "better")
    found = find(materials, view)
    if found is None or found.licence_id == view.better:
        return found
    with materials.journalled("material.offer", item_id, who), materials.sessions.begin() as session:
        held = materials.hold(session, view, who, "better")
        details = {"licence": found.licence_id, "how": found.how}
        events.append(session, held, _happened(materials, "offer", who, details))
        materials.note(session, actor_of(who), "material.offer", view.id, details)
    return found


def take(materials: Materials, item_id: str, who: Who) -> MaterialView:
    """以原件取代: the item is marked as replaced by the original; its own level stays what it was."""
    with materials.journalled("material.supersede", item_id, who):
        view = materials.get(item_id, who, "take_better")
        found = find(materials, view) if view.better else None
        if found is None or found.licence_id != view.better:
            raise Conflict(
                "material.no_offer", "没有可以取代此件的原件，或原件的状态已变。", remedy="请重新查找更可信的原件。"
            )
        with materials.sessions.begin() as session:
            held = materials.hold(session, view, who, "take_better")
            details = {"licence": found.licence_id, "how": found.how}
            events.append(session, held, _happened(materials, "supersede", who, details))
            materials.note(session, actor_of(who), "material.supersede", view.id, details)
    return materials.find(item_id)


def decline(materials: Materials, item_id: str, who: Who) -> MaterialView:
    """暂不改用."""
    view = materials.get(item_id, who, "take_better")
    if not view.better:
        raise Conflict("material.no_offer", "没有可以取代此件的原件，或原件的状态已变。")
    with materials.journalled("material.decline", item_id, who), materials.sessions.begin() as session:
        held = materials.hold(session, view, who, "take_better")
        events.append(session, held, _happened(materials, "decline", who, {"licence": view.better}))
    return materials.find(item_id)


def _happened(materials: Materials, kind: str, who: Who, details: dict[str, str]) -> events.Happening:
    role = "officer" if isinstance(who, Official) else "holder"
    return events.Happening(kind, actor_of(who), role, materials.clock(), details=details)
