"""共享服务: one door for every question, ``Sharing.ask``; none depends on any particular type (R113).

    data = desk.sharing.ask(Call(caller, "licence", {"licence_id": "…"}, purpose, request, actor))

1. may the caller ask this (scope), 2. is it shared with them (tier, application), 3. look: own register, providers,
4. sign, 5. write down: call log, use ledgers, journal. Each operation reads its parameters by
``licence_store.sharing.questions`` and gives ``Found``.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Final, Protocol

from licence_store.criteria import Criteria
from licence_store.sharing import comparing, telling
from licence_store.sharing.access import Access
from licence_store.sharing.answers import Found, Outcome
from licence_store.sharing.calls import BETWEEN, Call
from licence_store.sharing.copies import SharedCopies
from licence_store.sharing.downloading import Downloads
from licence_store.sharing.log import CallLog
from licence_store.sharing.providers import Providers
from licence_store.sharing.questions import Question
from trust.algorithms import sm3
from trust.errors import LicenceTrustError, Malformed, NotFound, Refused
from trust.identifiers import parse_licence_id
from trust.sharing_answer import build_answer
from trust.signed import write_moment
from verify.policy import StatedPurpose

if TYPE_CHECKING:
    from licence_store.desk import Desk
    from licence_store.views import LicenceSummary, LicenceView

_AT_ONCE: Final = 50
"""Licences of one holder and type in one answer."""
MOST_IN_BATCH: Final = 200
ANYWHERE: Final = "*"
"""As ``region``: wherever such licences are issued."""


class Elsewhere(Protocol):
    """别处: whoever knows the way to the region that issued it (``licence_store.crossing.guide``)."""

    def named(self, call: Call) -> bool:
        """Does the question name another region itself?"""

    def knows(self, licence_id: str) -> bool:
        """Is it another region's to speak of this licence?"""

    def anywhere(self, call: Call, own: Callable[[], Found], type_code: str) -> Found:
        """Asked for in every region that issues such licences (``region`` is ``*``); ``own``: what we have."""

    def elsewhere(self, type_code: str) -> list[dict[str, str]]:
        """The other regions that issue such licences, or may: what we do not have may be there."""

    def ask(self, call: Call, found: Found) -> Found | None:
        """What the issuing region says of what we do not have; ``None``: there is no such region. Never raises for one
        that is silent: that is an answer too (``UNREACHABLE``).
        """


class Sharing:
    """共享服务 of one region, over its ``Desk``."""

    elsewhere: Elsewhere | None = None

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.shared_copies = SharedCopies(desk)
        self._acts: dict[str, Callable[[Call, Question], Found]] = {
            "catalogue": self._catalogue,
            "fields": self._fields,
            "licence": self._licence,
            "holder": self._holder,
            "qr": self._qr,
            "batch": self._batch,
            "check": self._check,
            "verify": self._verify,
            "compare": self._compare,
            "download": self._download,
            "copy": self.shared_copies.copy,
            "accept": self.shared_copies.accept,
        }

    @cached_property
    def access(self) -> Access:
        return Access(self.desk.sessions, self.desk.catalogue, self.desk.clock)

    @cached_property
    def providers(self) -> Providers:
        desk = self.desk
        return Providers(desk.sessions, desk.catalogue, desk.region.directory, desk.clock)

    @cached_property
    def log(self) -> CallLog:
        return CallLog(self.desk.sessions, self.desk.ledger, self.desk.clock)

    def ask(self, call: Call) -> bytes:
        """The signed answer (``trust.sharing_answer``).

        Raises ``Malformed("sharing.operation", "sharing.parameter_*")``, ``Refused("sharing.scope_*",
        "sharing.access_*")`` and what looking raises; a refusal is written down too.
        """
        act = self._acts.get(call.operation)
        if act is None:
            raise NotFound("sharing.operation", "没有共享操作“{operation}”。", operation=call.operation[:40])
        question: Question | None = None
        try:
            _demand_scope(call, self.desk.region.code)
            self._demand_system(call)
            question = Question(call.operation, call.parameters)
            found = self._look(call, act, question)
            answer = self._signed(call, found)
        except LicenceTrustError as error:
            self.log.refused(call, error, question.about if question else None)
            raise
        self.log.answered(call, found, sm3(answer).hex())
        return answer

    def _look(self, call: Call, act: Callable[[Call, Question], Found], question: Question) -> Found:
        """Own register first, then whoever issued it; another region's question is not sent on."""
        elsewhere = self.elsewhere if call.caller.kind != "region" else None
        region = question.text("region", 12) or self.desk.region.code
        if elsewhere is not None and region == ANYWHERE:
            return elsewhere.anywhere(call, lambda: act(call, question), self._code(question.text("type")))
        if elsewhere is not None and elsewhere.named(call):
            told = elsewhere.ask(call, _nothing(self._code(question.text("type")), ""))
            if told is not None:
                return told
        elif region != self.desk.region.code:
            raise Malformed("sharing.parameter", "参数“{field}”的内容或类型不正确。", field="region")
        found = act(call, question)
        if elsewhere is not None and (found.outcome is Outcome.NOT_FOUND or call.operation == "verify"):
            found = elsewhere.ask(call, found) or found
        unnamed = call.operation in ("licence", "holder") and not question.has("licence_id")
        if elsewhere is not None and unnamed and found.outcome is Outcome.NOT_FOUND and found.source == "register":
            others = elsewhere.elsewhere(found.type_code)
            found = replace(found, result={**found.result, "elsewhere": others}) if others else found
        return found

    def _code(self, name: str) -> str:
        """Of a type, ours or another region's."""
        try:
            return self.desk.catalogue.get(name).code if name else ""
        except NotFound:
            return name[:21]

    def _demand_system(self, call: Call) -> None:
        """A system speaks for itself; only another region passes on what a system of its asked."""
        if call.caller.kind == "system" and call.purpose.system != call.caller.id:
            raise Malformed(
                "sharing.purpose_other_system",
                "用证目的中的调用系统应为调用方自己：{expected}。",
                expected=call.caller.id,
            )

    def _signed(self, call: Call, found: Found) -> bytes:
        signer = self.desk.region.keyring.signer("publisher")
        return build_answer(
            answer_id=f"ans-{secrets.token_hex(12)}",
            region=self.desk.region.code,
            as_of=self.desk.clock(),
            operation=call.operation,
            request=call.request,
            caller=call.caller.id,
            purpose=call.purpose.to_json(),
            source=found.source,
            outcome=str(found.outcome),
            result=found.result,
            sign=signer.sign,
            signer_chain=[signer.certificate.der],
        )

    # What nobody in particular is told of

    def _catalogue(self, call: Call, question: Question) -> Found:
        tiers: dict[str, list[dict[str, str]]] = {}
        for one in self.access.tiers():
            owner = {"department": one.department, "name": one.department_name, "tier": one.tier}
            tiers.setdefault(one.type_code, []).append(owner)
        types = [telling.catalogued(one, tiers.get(one.code, [])) for one in self.desk.catalogue.list()]
        return Found(Outcome.FOUND, {"types": types})

    def _fields(self, call: Call, question: Question) -> Found:
        entry = self.desk.catalogue.current(question.text("type"))
        call.caller.demand("fields", type_code=entry.definition.code)
        return Found(Outcome.FOUND, telling.explained(entry.definition, entry.version), entry.definition.code)

    # One licence

    def _licence(self, call: Call, question: Question) -> Found:
        if question.has("licence_id") == question.has("licence_number"):
            raise Malformed("sharing.parameter", "参数“{field}”的内容或类型不正确。", field="licence_id")
        if question.has("licence_id"):
            return self._by_id(call, question, question.text("licence_id"))
        code, departments = self._type(call, question.text("type"))
        number = question.text("licence_number", 100)
        asked = Criteria(number=number, type_code=code, departments=departments)
        items = self.desk.search.page(asked, limit=1).items if number else ()
        if items:
            return self._told(call, question, self.desk.register.find(items[0].licence_id))
        return self._provided(code, departments, number=number) or _nothing(code, number)

    def _by_id(self, call: Call, question: Question, text: str) -> Found:
        asked = parse_licence_id(text)
        call.caller.demand(call.operation, type_code=asked.type_code)
        view = comparing.registered(self.desk.register, text)
        if view is None:
            return self._absent(call, asked.type_code, asked.text)
        return self._told(call, question, view)

    def _told(self, call: Call, question: Question, view: LicenceView) -> Found:
        self._demand_shared(call, question, view.summary)
        result = telling.licence(view, self.desk.register.forms(view.licence_id))
        return _about(view.summary, Outcome.FOUND, {**result, "asked": view.asked_id})

    def _qr(self, call: Call, question: Question) -> Found:
        licence_id = comparing.licence_in(question.text("qr", 2000))
        if not licence_id:
            raise Malformed("sharing.qr", "二维码中没有证照标识。")
        return self._by_id(call, question, licence_id)

    def _holder(self, call: Call, question: Question) -> Found:
        code, departments = self._type(call, question.text("type"))
        holder = question.text("holder_code", 64)
        asked = Criteria(holder_code=holder, type_code=code, departments=departments)
        items = self.desk.search.page(asked, limit=_AT_ONCE).items if holder else ()
        if not items:
            return self._provided(code, departments, holder=holder) or _nothing(code, "")
        views = [self.desk.register.find(one.licence_id) for one in items]
        told = [telling.licence(one, self.desk.register.forms(one.licence_id)) for one in views]
        uses = tuple((one.holder_code, one.licence_id) for one in items[1:])
        return _about(items[0], Outcome.FOUND, {"licences": told}, uses)

    def _provided(self, code: str, departments: tuple[str, ...], *, number: str = "", holder: str = "") -> Found | None:
        """What other systems have of it (R114)."""
        for one in self.providers.of_type(code):
            if one.department in departments and (number or holder):
                told = one.by_number(number) if number else one.by_holder(holder)
                if told:
                    first = told[0]
                    subject = f"{one.name}:{first['licence_number']}"
                    result = first if number else {"licences": list(told)}
                    return Found(
                        Outcome.FOUND, result, code, one.department, subject, str(first["holder_code"]),
                        f"provider:{one.name}",
                    )  # fmt: skip
        return None

    # Many

    def _batch(self, call: Call, question: Question) -> Found:
        code, departments = self._type(call, question.text("type"))
        cursor = question.text("cursor", 20)
        if cursor and not (cursor.isascii() and cursor.isdigit()):
            raise Malformed("sharing.parameter", "参数“{field}”的内容或类型不正确。", field="cursor")
        asked = Criteria(
            type_code=code,
            departments=departments,
            states=question.words("states"),
            issued_from=question.text("issued_from"),
            issued_to=question.text("issued_to"),
            changed_since=question.moment("changed_since"),
        )
        limit = question.number("limit", 50, MOST_IN_BATCH)
        page = self.desk.search.page(asked, after=int(cursor) if cursor else None, limit=limit)
        places = self.desk.register.places([one.licence_id for one in page.items])
        address = self.desk.facts.base_url
        lines = [{**telling.line_of(one), "status_list": telling.listed_at(address, *places[one.licence_id])}
                 for one in page.items]  # fmt: skip
        result = {"licences": lines, "next": "" if page.next is None else str(page.next)}
        uses = tuple((one.holder_code, one.licence_id) for one in page.items)
        more = page.items or page.next is not None  # a page may be empty and not the last
        return Found(Outcome.FOUND if more else Outcome.NOT_FOUND, result, code, uses=uses)

    # True or false

    def _check(self, call: Call, question: Question) -> Found:
        values = question.texts("fields")
        if question.has("licence_id") == question.has("holder_code"):
            raise Malformed("sharing.parameter", "参数“{field}”的内容或类型不正确。", field="licence_id")
        if question.has("holder_code"):
            code, departments = self._type(call, question.text("type"))
            holder = question.text("holder_code", 64)
            answer = self.desk.comparer.holder(code, holder, values, departments=departments)
            view = comparing.registered(self.desk.register, answer.licence_id) if answer.licence_id else None
        else:
            asked = parse_licence_id(question.text("licence_id"))
            call.caller.demand(call.operation, type_code=asked.type_code)
            view = comparing.registered(self.desk.register, asked.text)
            if view is None:
                return self._absent(call, asked.type_code, asked.text)
            self._demand_shared(call, question, view.summary)
            code, answer = asked.type_code, self.desk.comparer.licence(view, values)
        holds = {name: telling.word(one) for name, one in answer.holds.items()}
        result: dict[str, object] = {"current": telling.word(answer.current), "holds": holds}
        if view is not None:
            result["status_list"] = telling.place(view)
        outcome = Outcome.TRUE if answer.all_hold else Outcome.FALSE
        return _about(view.summary, outcome, result) if view else Found(outcome, result, code)

    # Files

    def _verify(self, call: Call, question: Question) -> Found:
        document = question.document("document")
        stated = _stated(question.texts("stated"))
        report = self.desk.verifier().verify(document, moment=question.moment("at"), stated=stated)
        result = {"report": telling.plain(report.to_json()), "at": write_moment(report.moment)}
        outcome = Outcome(str(report.indication))
        view = comparing.registered(self.desk.register, str(report.document.get("licence_id", "")))
        if view is not None and report.document.get("digest") in self.desk.register.forms(view.asked_id).values():
            return _about(view.summary, outcome, result)
        return Found(outcome, result, subject=f"sm3:{sm3(document).hex()}")

    def _compare(self, call: Call, question: Question) -> Found:
        document, subject = question.document("document"), f"sm3:{sm3(question.document('document')).hex()}"
        brought = comparing.look(document, question.text("qr", 2000))
        if not brought.licence_id:
            return Found(Outcome.INDETERMINATE, {"reason": f"{brought.kind}_names_no_licence"}, subject=subject)
        code = parse_licence_id(brought.licence_id).type_code
        call.caller.demand(call.operation, type_code=code)
        view = comparing.registered(self.desk.register, brought.licence_id)
        if view is None:
            return self._absent(call, code, brought.licence_id)
        self._demand_shared(call, question, view.summary)
        fields, desk = question.texts("fields"), self.desk
        outcome, result = comparing.compare(brought, view, document, fields, desk.comparer, desk.register)
        return _about(
            view.summary, outcome, {"licence_id": view.asked_id, **result, "status_list": telling.place(view)}
        )

    def _download(self, call: Call, question: Question) -> Found:
        asked = parse_licence_id(question.text("licence_id"))
        call.caller.demand(call.operation, type_code=asked.type_code)
        view = comparing.registered(self.desk.register, asked.text)
        if view is None:
            return self._absent(call, asked.type_code, asked.text)
        self._demand_shared(call, question, view.summary)
        result = Downloads(self.desk).file(call, view, question)
        return _about(view.summary, Outcome.FOUND, {**result, "status_list": telling.place(view)})

    # Is it shared?

    def _type(self, call: Call, name: str) -> tuple[str, tuple[str, ...]]:
        """The type's code, and the departments whose licences of it are shared with the caller."""
        code = self.desk.catalogue.get(name).code
        call.caller.demand(call.operation, type_code=code)
        return code, self.access.departments(call.caller, call.purpose, call.operation, code)

    def _absent(self, call: Call, code: str, licence_id: str) -> Found:
        """We have no such licence. Whoever may not be told of one is not told either that there is none; of another
        region's, that region decides.
        """
        guided = self.elsewhere is not None and call.caller.kind != "region" and self.elsewhere.knows(licence_id)
        if not guided:
            self._demand_type(call, code)
        return Found(Outcome.NOT_FOUND, {"licence_id": licence_id}, code, subject=licence_id)

    def _demand_type(self, call: Call, code: str) -> None:
        try:
            self.desk.catalogue.get(code)
        except NotFound:
            return  # another region's type
        self.access.departments(call.caller, call.purpose, call.operation, code)

    def _demand_shared(self, call: Call, question: Question, one: LicenceSummary) -> None:
        question.about = _about(one, Outcome.FOUND, {})  # whoever holds it is told of a refusal too
        call.caller.demand(call.operation, type_code=one.type_code)
        self.access.demand(call.caller, call.purpose, call.operation, one.type_code, one.department_id)


def _demand_scope(call: Call, region: str) -> None:
    """Raises ``Refused("sharing.scope_operation", "sharing.scope_region")``."""
    if call.operation not in BETWEEN:
        call.caller.demand(call.operation, region=region)
    elif call.caller.kind != "region":
        raise Refused("sharing.scope_operation", "授权范围不包括操作“{wanted}”。", wanted=call.operation)


def _about(
    one: LicenceSummary, outcome: Outcome, result: Mapping[str, object], uses: tuple[tuple[str, str], ...] = ()
) -> Found:
    return Found(outcome, result, one.type_code, one.department_id, one.licence_id, one.holder_code, "register", uses)


def _nothing(type_code: str, number: str) -> Found:
    return Found(Outcome.NOT_FOUND, {"licence_number": number} if number else {}, type_code)


def _stated(given: Mapping[str, str]) -> StatedPurpose:
    """What a copy that is verified is wanted for."""
    if not set(given) <= {"purpose", "recipient", "service_item", "case_number"}:
        raise Malformed("sharing.parameter", "参数“{field}”的内容或类型不正确。", field="stated")
    return StatedPurpose(**given)
