"""Two holders with all that one can have, and every route of the application: who must not see what."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from fastapi import FastAPI

from api.wiring import Services
from licence_store.holding.accounts import Identity
from licence_store.holding.holder import Holder
from licence_store.holding.terms import Terms
from licence_store.presenting.presenter import Viewer
from seal.copies import CopyRequest
from tests.licence_store.uploads import makers
from trust.journal import Actor

WORDS = "QWXZ"
"""In whatever a holder writes of their own: it must never be in another's answers."""


@dataclass(frozen=True)
class Route:
    """One address and one method."""

    method: str
    path: str

    @property
    def names(self) -> list[str]:
        """What stands in braces."""
        return re.findall(r"{(\w+)(?::\w+)?}", self.path)

    def address(self, values: dict[str, str]) -> str:
        """With the braces filled; raises ``KeyError`` for a name nobody thought of."""
        return re.sub(r"{(\w+)(?::\w+)?}", lambda found: values[found[1]], self.path)


def routes_of(app: FastAPI) -> list[Route]:
    """Every one that answers, included routers' too."""
    return [Route(method, path) for path, methods in _walk(app.routes) for method in sorted(methods - {"HEAD"})]


def _walk(routes: Any) -> Iterator[tuple[str, set[str]]]:
    for one in routes:
        if hasattr(one, "effective_route_contexts"):
            yield from ((found.path, set(found.methods)) for found in one.effective_route_contexts())
        elif getattr(one, "methods", None):
            yield one.path, set(one.methods)


@dataclass(frozen=True)
class Household:
    """A holder and what is theirs."""

    holder: Holder
    licence_id: str
    ids: dict[str, str]
    """Names in the braces of routes → what is this holder's."""
    secrets: tuple[str, ...]
    """What is in no answer to anybody else."""


def identity(services: Services, who: Holder) -> Identity:
    return Identity("https://issuer.example", f"subject-{who.code}", who, 3, services.clock())


def signed_in(services: Services, who: Holder, channel: str = "page") -> str:
    """A fresh session's token."""
    return services.spaces.open(identity(services, who), channel=channel)


def household(services: Services, slug: str, number: int) -> Household:
    """A person with a licence of that type, a material, a copy, a presentation that was opened, one that was not, a
    dispute, a delegation and entries in the ledger.
    """
    desk, actor = services.desk, services.actor(None)
    record = list(services.catalogue.get(slug).example_records(number + 40))[number + 39]
    issued = services.issue(slug, record, actor, f"apart-{number}")
    one = services.register.find(issued.licence_id).summary
    who = Holder(one.holder_code, "111", one.holder_name)
    session = services.spaces.find(signed_in(services, who))
    mark = f"{WORDS}{number}"
    upload = desk.uploads.accept("scan.jpg", makers.jpeg(), owner=who.code, kind="licence_scan", actor=session.actor())
    material = desk.materials.add(session, upload, kind="licence_scan", title=f"扫描件{mark}", case_number=f"C-{mark}")
    until = services.clock() + timedelta(days=5)
    copy = desk.copier.make(session, issued.licence_id, CopyRequest("某单位", f"用途{mark}", until)).view
    link = desk.copier.link(session, copy.id)
    opened = desk.presenter.offer(session, issued.licence_id, purpose=f"出示{mark}")
    desk.presenter.open(opened.token, Viewer())
    waiting = desk.presenter.offer(session, issued.licence_id)
    desk.witness.look(Actor("market", "market"), issued.licence_id, f"核对{mark}")
    entry = desk.ledger.head(who.code).count
    dispute = desk.disputes.about_entry(session, entry, f"异议{mark}")
    delegate = Holder(f"X{number}99887", "999", f"受托{mark}")
    terms = Terms(frozenset({"view"}), services.clock(), until)
    delegation = desk.delegations.grant(session, delegate, terms)
    ids = {
        "licence_id": issued.licence_id, "holder_code": who.code, "item_id": material.id.removeprefix("m-"),
        "material": material.id, "upload_id": upload.id, "copy_id": copy.id, "link_id": link.id,
        "presentation_id": opened.id, "dispute_id": dispute.id, "delegation_id": delegation.id, "seq": str(entry),
        "waiting_token": waiting.token, "waiting_id": waiting.id,
    }  # fmt: skip
    secrets = (who.code, who.name, mark, material.title, one.licence_number)
    return Household(who, issued.licence_id, ids, secrets)
