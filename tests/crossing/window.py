"""The window of a department in B, and a holder in A who makes copies for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from licence_store.copying.copier import MadeCopy
from licence_store.copying.uses import Acceptance
from licence_store.holding.holder import HolderSession
from seal.copies import CopyRequest
from tests.crossing.world import OWNER, World, holder_of
from trust.errors import LicenceTrustError
from trust.journal import Actor
from verify.policy import StatedPurpose

FOR = "设立登记"
CLERK = Actor("li", OWNER, "192.0.2.9", "page")


@dataclass
class Window:
    """The window of B's department, and the holder in A."""

    world: World
    who: HolderSession
    licence_id: str
    recipient: str

    @classmethod
    def of(cls, found: World, licence_id: str) -> Window:
        names = {one.id: one.name for one in found.b.desk.catalogue.departments()}
        return cls(found, holder_of(found.a, licence_id), licence_id, names[OWNER])

    def make(self, form: str = "ofd", **changes: Any) -> MadeCopy:
        until = self.world.a.clock() + timedelta(days=9)
        asked = CopyRequest(self.recipient, FOR, until, uses=2)
        return self.world.a.desk.copier.make(self.who, self.licence_id, replace(asked, **changes), form)

    def told(self, content: bytes, ahead: timedelta = timedelta(0)) -> tuple[str, str | None]:
        verifier = self.world.b.desk.verifier()
        stated = StatedPurpose(FOR, self.recipient)
        report = verifier.verify(content, moment=self.world.b.clock() + ahead, stated=stated)
        return str(report.indication), report.sub_indication

    def accept(self, what: bytes | str, **changes: Any) -> Any:
        """The use, or the code of the refusal."""
        try:
            return self.world.b.desk.copier.accept(what, CLERK, replace(Acceptance(FOR, "办件-1"), **changes))
        except LicenceTrustError as error:
            return error.code

    def used(self, made: MadeCopy) -> int:
        """As A has it."""
        return self.world.a.desk.copies.find(made.id).used
