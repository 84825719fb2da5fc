"""变更与延续的规则: what must hold of content, holder and dates when a licence is followed by another file. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from licence_store.definitions import LicenceTypeDefinition
from licence_store.lifecycle import LicenceState
from licence_store.standing import Marks, beginning_of, end_of
from licence_store.type_rules import RenewalRule
from seal.message import DataMessage
from trust.errors import Refused
from trust.identifiers import plain_number

_STATED = ("range_field", "until")
"""Kinds of validity that a field of the record states."""


def record_in(message: DataMessage, definition: LicenceTypeDefinition) -> dict[str, str]:
    """The record that a message was made from, as far as ``definition`` knows its fields."""
    names = (field.name for field in definition.fields if not field.computed)
    values = ((name, message.face_value(name)) for name in names)
    return {name: value.value for name, value in values if value is not None and value.value}


def revised_record(
    message: DataMessage, definition: LicenceTypeDefinition, changes: Mapping[str, object]
) -> dict[str, str]:
    """``changes`` laid over the record in ``message``: an empty value takes an optional field away.

    Raises ``Malformed("record.*")``, and ``Refused("licence.holder_changed")`` where the holder or the licence number
    would be another's.
    """
    laid = {**record_in(message, definition), **changes} if isinstance(changes, Mapping) else changes
    record = definition.validate_record(laid)
    rule, old = definition.number_rule, message.metadata
    number = old["licence_number"] if rule.needs_sequence else rule.number(record)
    if definition.holder_of(record).code != plain_number(old["holder_code"]) or number != old["licence_number"]:
        raise Refused(
            "licence.holder_changed",
            "变更和延续不能改变持证者代码或证照编号。",
            remedy="持证者不同的，请注销原证照后另行签发。",
        )
    return record


def check_window(rule: RenewalRule | None, state: LicenceState, marks: Marks, valid_to: str, moment: datetime) -> None:
    """Raises ``Refused("licence.renewal_window")`` outside the type's window, ``Refused("licence.renewal_not_sound")``
    for a licence that is suspended, lost or overdue beneath its expiry.
    """
    if not marks.is_sound(moment):
        raise Refused("licence.renewal_not_sound", "证照到期前已暂扣、挂失或年检逾期，须先办理解除，不能直接延续。")
    end = end_of(valid_to)
    if rule is None:
        fits = state is not LicenceState.EXPIRED
    elif end is None:
        fits = False
    else:
        opens = beginning_of(date.fromisoformat(valid_to) - timedelta(days=rule.opens_days))
        fits = opens <= moment < end + timedelta(days=rule.closes_days)
    if not fits:
        raise Refused(
            "licence.renewal_window",
            "现在不在延续期内：有效期至 {valid_to}，届满前 {opens} 日起、届满后 {closes} 日内可以办理。",
            valid_to=valid_to or "—",
            opens=rule.opens_days if rule is not None else "—",
            closes=rule.closes_days if rule is not None else 0,
        )


def check_new_period(
    definition: LicenceTypeDefinition, record: Mapping[str, str], old: DataMessage, starts: str
) -> None:
    """Raises ``Refused("licence.renewal_period")`` where the record states no later end than the one at hand."""
    before = old.metadata["valid_to"]
    _, after = definition.valid_period(record, starts)
    if definition.validity.kind in _STATED and before and after and after <= before:
        raise Refused(
            "licence.renewal_period",
            "延续须写明新的有效期（原有效期至 {valid_to}）。",
            valid_to=before,
        )


def starts_on(rule: RenewalRule | None, valid_to: str, today: str) -> str:
    """The day from which the successor's validity counts: today, or the day after a predecessor that keeps its term."""
    keeps = rule is not None and rule.predecessor == "until_end"
    if not keeps or not valid_to or valid_to < today:
        return today
    return (date.fromisoformat(valid_to) + timedelta(days=1)).isoformat()
