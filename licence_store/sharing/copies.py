"""副本的询问与采用, by another region's node: what became of a copy of ours, and that somebody there accepts it.

No department is asked whether it shares: the holder has decided, by making the copy, who may use it for what. What was
refused is an answer too (``FALSE`` with the rule's code), signed like any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from licence_store.copying.grants import CopyView
from licence_store.copying.uses import Acceptance
from licence_store.sharing.answers import Found, Outcome
from licence_store.sharing.calls import Call
from licence_store.sharing.questions import Question
from trust.errors import Conflict, Malformed, NotFound, Refused
from trust.signed import write_moment

if TYPE_CHECKING:
    from licence_store.desk import Desk

_STATED: Final = frozenset({"purpose", "recipient", "service_item", "case_number"})


class SharedCopies:
    """本地区制作的副本, for others."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def copy(self, call: Call, question: Question) -> Found:
        """副本状态; to whoever states what it is for (``stated``) also what it shows, for holding it beside paper."""
        copy_id, now = question.text("copy_id", 64), self.desk.clock()
        status = self.desk.copies.copy_status(copy_id, question.moment("at") or now)
        if status is None:
            return _unknown(copy_id)
        view = self.desk.copies.find(copy_id)
        result: dict[str, object] = {
            "copy_id": copy_id,
            "state": status.state,
            "since": write_moment(status.since) if status.since and status.state == "REVOKED" else "",
            "used": str(status.uses),
            "uses": str(status.limit),
            "digest": view.digest,
        }
        if question.has("stated"):
            result |= self._beside_paper(call, copy_id, _acceptance(question))
        return Found(Outcome.FOUND, result, view.type_code, subject=copy_id, holder_code=view.holder_code)

    def _beside_paper(self, call: Call, copy_id: str, stated: Acceptance) -> Mapping[str, object]:
        view, against = self.desk.copier.look_at(copy_id, call.actor, stated)
        shown: dict[str, object] = {"terms": dict(view.terms)} if against is None else {}
        return {**_facts(view), "against": against.code if against is not None else "", **shown}

    def accept(self, call: Call, question: Question) -> Found:
        """采用, counted here; with ``reason`` 不予采用. The holder is told of both."""
        copy_id, reason = question.text("copy_id", 64), question.text("reason", 300)
        stated = _acceptance(question)
        try:
            type_code = self.desk.copies.find(copy_id).type_code
            if reason:
                refusal = self.desk.copier.refuse(copy_id, call.actor, stated, reason)
                result: dict[str, object] = {"at": write_moment(refusal.at), "code": refusal.code}
            else:
                use = self.desk.copier.accept(copy_id, call.actor, stated)
                result = {
                    "at": write_moment(use.at),
                    "number": str(use.number),
                    "uses": str(use.uses),
                    "left": "" if use.left is None else str(use.left),
                    "replayed": "true" if use.replayed else "false",
                }
        except (Conflict, NotFound, Refused) as error:
            return Found(Outcome.FALSE, {"copy_id": copy_id, "code": error.code}, subject=copy_id)
        return Found(Outcome.TRUE, {"copy_id": copy_id, **result}, type_code, subject=copy_id)


def _facts(view: CopyView) -> dict[str, object]:
    """As everybody may read them on the copy itself."""
    return {
        "title": view.title,
        "level": view.level,
        "recipient": view.recipient,
        "purpose": view.purpose,
        "service_item": view.service_item,
        "case_number": view.case_number,
        "until": write_moment(view.until),
        "made": write_moment(view.made),
        "original_check": "true" if view.original_check else "false",
    }


def _acceptance(question: Question) -> Acceptance:
    """Raises ``Malformed("sharing.parameter")``."""
    words, seen = question.texts("stated"), question.text("original_seen", 5, "false")
    if not set(words) <= _STATED or not words.get("purpose") or seen not in ("true", "false"):
        raise Malformed("sharing.parameter", "参数“{field}”的内容或类型不正确。", field="stated")
    key = question.text("key", 64)
    if question.has("key") and not key:  # asked again after a lost answer it would count twice
        raise Malformed("sharing.parameter", "参数“{field}”的内容或类型不正确。", field="key")
    return Acceptance(**words, original_seen=seen == "true", digest=question.text("digest", 64), key=key)


def _unknown(copy_id: str) -> Found:
    return Found(Outcome.NOT_FOUND, {"copy_id": copy_id}, subject=copy_id)
