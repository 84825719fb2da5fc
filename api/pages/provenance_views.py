"""来历 of a licence on its page: how it came from paper, the forms it was printed on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from api.pages.verdict import when
from licence_store.cases import SPOILT, Casework
from licence_store.collection.materials import ORIGINALS
from licence_store.collection.sheets import OriginView, origins_of
from trust.errors import fill
from trust.i18n import N_

if TYPE_CHECKING:
    from api.wiring import Services
    from licence_store.extras import PaperCopy
    from licence_store.views import LicenceView

Translate = Callable[[str], str]


def provenance(
    found: Services, view: LicenceView, paper: PaperCopy | None, translate: Translate, *, officer: bool
) -> dict[str, Any] | None:
    """What the page says of it, and whether to print it; ``None``: nothing to say and nothing to print."""
    rows: list[tuple[str, str]] = []
    with found.desk.sessions.read() as session:
        origins = origins_of(session, view.summary.base)
    rows += [line for origin in origins if origin.licence_id == view.licence_id for line in _origin(origin, translate)]
    papers = Casework(found.desk.sessions).papers(view.licence_id)
    spoilt = {one.form_number for one in papers if one.use == SPOILT}
    good = [one for one in papers if one.use != SPOILT and one.form_number not in spoilt]
    said = translate(N_("{form}（{when}，{who}）"))
    printed = [fill(said, {"form": one.form_number, "when": when(one.happened), "who": one.actor}) for one in good]
    if paper is not None and paper.number not in {one.form_number for one in papers}:
        printed.insert(0, paper.number)
    rows += [(translate(N_("纸质证照")), text) for text in printed]
    may_print = officer and view.state == "CURRENT"
    return {"rows": rows, "overprint": may_print} if rows or may_print else None


def _origin(origin: OriginView, translate: Translate) -> list[tuple[str, str]]:
    kind, _, number = origin.original.partition(": ")
    compared = f"{translate(ORIGINALS.get(kind, kind))} {number}".strip()
    entered = f"{origin.entered_by} · {when(origin.recorded)}"
    rows = [(translate(N_("与原件核对")), compared), (translate(N_("录入")), entered)]
    if origin.checked_by:
        rows.append((translate(N_("复核")), origin.checked_by))
    return rows


def provenance_shape(found: Services, view: LicenceView) -> dict[str, Any]:
    """The same as JSON, for ``licence show`` and the interface."""
    from api.schemas.issuer import case_of

    case = case_of(view)
    with found.desk.sessions.read() as session:
        origins = [one for one in origins_of(session, view.summary.base) if one.licence_id == view.licence_id]
    return {
        "source": view.message.metadata["source"],
        "credibility": view.message.metadata["credibility"],
        "case": case.model_dump() if case else None,
        "paper": [
            {"form": one.form_number, "use": one.use} for one in Casework(found.desk.sessions).papers(view.licence_id)
        ],
        "entry": [
            {"mode": one.mode, "sheet": one.sheet_id, "original": one.original, "entered_by": one.entered_by,
             "checked_by": one.checked_by, "scan": one.evidence_digest}
            for one in origins
        ],
    }  # fmt: skip
