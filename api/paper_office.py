"""套打: one door for printing on pre-printed forms, shared by the command line and the pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trust.errors import Malformed
from trust.i18n import N_

if TYPE_CHECKING:
    from api.wiring import Services
    from licence_store.cases import PaperUse
    from licence_store.paper import PaperDesk
    from licence_store.register import LicenceView
    from trust.journal import Actor

PURPOSE = N_("套打纸质证照")
FURTHEST = 20.0
"""Millimetres a printer may be out."""


def paper_desk(services: Services) -> PaperDesk:
    """纸质件台账 of the region."""
    from licence_store.paper import PaperDesk

    desk = services.desk
    base_url = desk.facts.base_url
    return PaperDesk(desk.sessions, desk.catalogue, desk.register, lambda i: f"{base_url}/v/{i}", desk.clock)


def find(services: Services, licence_id: str, actor: Actor) -> tuple[LicenceView, tuple[PaperUse, ...]]:
    """The licence, and what was printed of it."""
    view = services.find(licence_id, actor, PURPOSE, action="paper.open")
    return view, paper_desk(services).uses(view.licence_id)


def shift(text: str) -> float:
    """A correction in millimetres; raises ``Malformed("paper.shift")``."""
    try:
        value = float(text or 0)
    except ValueError:
        value = FURTHEST + 1
    if not -FURTHEST <= value <= FURTHEST:
        raise Malformed("paper.shift", "校正值应为 -{most} 至 {most} 毫米。", most=f"{FURTHEST:g}")
    return round(value, 2)


def style_sheet(width: float, height: float, right: float, down: float) -> str:
    """Print the page true to size: the paper's size, no margins, the picture moved by the printer's error."""
    return (
        f"@page {{ size: {width:g}mm {height:g}mm; margin: 0 }}\n"
        "@media print {\n"
        "  html, body { margin: 0; padding: 0; background: #fff }\n"
        f"  .overprint-sheet {{ position: absolute; left: {right:g}mm; top: {down:g}mm; width: {width:g}mm; "
        f"height: {height:g}mm; margin: 0 }}\n"
        f"  .overprint-sheet img {{ display: block; width: {width:g}mm; height: {height:g}mm; max-width: none }}\n"
        "}\n"
    )
