"""下载: the sealed original of a licence in force, or a copy for the declared purpose that ends (用证副本)."""

from __future__ import annotations

from base64 import b64encode
from datetime import datetime
from typing import TYPE_CHECKING, Final

from licence_store.holding.holder import Holder, HolderSession
from licence_store.sharing.calls import Call
from licence_store.sharing.questions import Question
from seal.copies import CopyRequest
from trust.algorithms import sm3
from trust.errors import Malformed

if TYPE_CHECKING:
    from licence_store.desk import Desk
    from licence_store.views import LicenceView

FORMS: Final = ("ofd", "pdf")
_WISHES: Final = {"recipient", "until", "uses", "mask"}
_ASSURANCE: Final = 2
_CREDIT_CODE: Final = "001"


class Downloads:
    """下载."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def file(self, call: Call, view: LicenceView, question: Question) -> dict[str, object]:
        """The file, base64, and what it is.

        Raises ``Refused("licence.not_referencable", "licence.old_version")``, ``NotFound("licence.form_absent")``,
        ``Malformed("sharing.parameter", "copy.*")``.
        """
        form = question.text("form", 8, "ofd")
        if form not in FORMS:
            raise Malformed("sharing.parameter", "参数“{field}”的内容或类型不正确。", field="form")
        self.desk.register.referencable(view.asked_id)
        if question.has("copy"):
            return self._copy(call, view, question, form)
        data = self.desk.register.file(view, form)
        return {"kind": "original", "licence_id": view.licence_id, **_octets(data, form)}

    def _copy(self, call: Call, view: LicenceView, question: Question, form: str) -> dict[str, object]:
        """A copy made on the strength of the caller's right and purpose, not of the holder's word; it says for whom."""
        wishes = Question.within("copy", question.value("copy"), _WISHES)
        until = wishes.moment("until")
        if until is None:
            raise Malformed("sharing.parameter", "参数“{field}”的内容或类型不正确。", field="copy.until")
        purpose, now = call.purpose, self.desk.clock()
        request = CopyRequest(
            wishes.text("recipient", default=call.caller.name),
            purpose.service_item,
            until,
            purpose.service_item,
            purpose.case_number,
            wishes.number("uses", 1, 1000),
            wishes.words("mask"),
        )
        made = self.desk.copier.make(self._session(call, view, now), view.licence_id, request, form)
        return {"kind": "copy", "copy_id": made.id, "licence_id": view.licence_id, **_octets(made.data, form)}

    def _session(self, call: Call, view: LicenceView, now: datetime) -> HolderSession:
        """The caller, let in for this one act with this one holder's licence."""
        metadata = view.message.metadata
        holder = Holder(metadata["holder_code"], metadata["holder_code_type"], metadata["holder_name"])
        asker = Holder(call.caller.id, _CREDIT_CODE, call.caller.name)
        return HolderSession(
            "", asker, holder, rights=frozenset({"use"}), types=frozenset({view.summary.type_code}),
            assurance=_ASSURANCE, proved=now, fresh_until=datetime.max.replace(tzinfo=now.tzinfo), counter=call.actor,
        )  # fmt: skip


def _octets(data: bytes, form: str) -> dict[str, object]:
    return {"form": form, "size": str(len(data)), "sm3": sm3(data).hex(), "content": b64encode(data).decode()}
