"""案例: a line of ``tests/vectors/cases.json`` made into a file, a trust store and a question.

What each key means stands in ``tests/vectors/README.md``. Times are relative to the tests' now: ``-90m``, ``+400d``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from keys.authority import Revocation
from seal.message import MESSAGE_ENTRY as MESSAGE
from seal.message import DataMessage, RequiredSeal, parse_message
from tests.authority import CA_PURPOSES
from tests.verify import tampering, world
from tests.verify.world import NOW, SealRecipe, SignatureRecipe
from trust.algorithms import sm3
from trust.anchors import Purpose, TrustAnchor, TrustStore
from trust.errors import Malformed
from trust.status_list import build_status_list, load_status_list
from verify.policy import LicenceStatus
from verify.report import Report
from verify.verifier import Verifier

FILE = Path(__file__).parents[1] / "vectors" / "cases.json"
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_TIMES = {"claimed", "proved", "created", "valid_from", "valid_to"}


@lru_cache(maxsize=1)
def load() -> tuple[dict[str, Any], ...]:
    """All cases."""
    return tuple(json.loads(FILE.read_text("utf-8")))


def time(text: str | None, default: datetime = NOW) -> datetime:
    """``-90m``, ``+400d``, ``+0h`` from now."""
    if text is None:
        return default
    return NOW + int(text[:-1]) * _UNITS[text[-1]]


# ---------------------------------------------------------------- the file


def build(case: dict[str, Any]) -> bytes:
    """The file of ``case``."""
    entries = _entries(case)
    entries = tampering.apply(entries, case.get("after", []))
    if "zip" in case:
        archive = tampering.archive(entries)
        tampering.ZIP_TRICKS[case["zip"]](archive)
        data = archive.write()
    else:
        data = _untouched(case) or world.pack(entries)
    return tampering.BYTE_TRICKS[case["bytes"]](data) if "bytes" in case else data


def _untouched(case: dict[str, Any]) -> bytes | None:
    """The product's own bytes, where a case changes nothing in the file."""
    if {"after", "before", "seals", "message", "zip"} & case.keys():
        return None
    return world.sealed(case.get("stamped", True))


def _entries(case: dict[str, Any]) -> dict[str, bytes]:
    if not {"before", "seals", "message"} & case.keys():
        from seal.ofd.package import open_package

        return dict(open_package(world.sealed(case.get("stamped", True))).entries)
    unsigned = world.draw(_message(case["message"])) if "message" in case else world.unsigned()
    entries = tampering.apply({e.name: e.data for e in unsigned.entries}, case.get("before", []))
    recipes = [signature_recipe(recipe) for recipe in case.get("seals", [{}])]
    return world.seal_again(entries, recipes, _sealed_message(entries) or unsigned.message)


def _sealed_message(entries: dict[str, bytes]) -> DataMessage | None:
    try:
        return parse_message(entries[MESSAGE])
    except (Malformed, KeyError):
        return None


def _message(changes: dict[str, Any]) -> DataMessage:
    facts = dict(changes)
    seals = facts.pop("seals", None)
    return world.make_message(None if seals is None else [RequiredSeal(*seal) for seal in seals], **facts)


def signature_recipe(given: dict[str, Any]) -> SignatureRecipe:
    """A recipe from a case; unknown keys are an error."""
    values = _values(given, SignatureRecipe)
    if "seal" in given:
        values["seal"] = SealRecipe(**_values(given["seal"], SealRecipe))
    if given.get("user_id") is not None:
        values["user_id"] = given["user_id"].encode()
    for key in ("drop", "keep"):
        if given.get(key) is not None:
            values[key] = tuple(given[key])
    return SignatureRecipe(**values)


def _values(given: dict[str, Any], kind: type) -> dict[str, Any]:
    assert given.keys() <= {f.name for f in fields(kind)}, given.keys()
    return {key: time(value) if key in _TIMES else value for key, value in given.items()}


# ---------------------------------------------------------------- what the verifier believes


def store(case: dict[str, Any]) -> TrustStore:
    """The trust store of ``case``: the honest one, unless ``trust`` says what is different."""
    office, wanted = world.authority(), case.get("trust", {})
    if not wanted:
        return _with_list(office.store(), case)
    anchors = list(office.anchors())
    if wanted.get("anchors") == "none":
        anchors = []
    for name in wanted.get("without", []):
        anchors = [a for a in anchors if a.certificate is not office.ca(name).certificate]
    for name in wanted.get("wrong_purpose", []):
        purpose = next(p for other, p in CA_PURPOSES.items() if other != name)
        anchors = [
            TrustAnchor(a.certificate, frozenset({purpose})) if a.certificate is office.ca(name).certificate else a
            for a in anchors
        ]
    if "root" in wanted:
        anchors.append(TrustAnchor(office.root.certificate, frozenset(map(Purpose, wanted["root"]))))
    found = office.store(anchors=anchors, crls=_crls(wanted))
    cas = tuple(office.ca(name).certificate for name in CA_PURPOSES)
    return _with_list(found.changed(intermediates=cas) if "root" in wanted else found, case)


def _crls(wanted: dict[str, Any]) -> tuple[Any, ...]:
    office = world.authority()
    if wanted.get("crls") == "none":
        return ()
    revoked = {}
    for entry in wanted.get("revoked", []):
        serial = world.person(entry["who"]).certificate.serial
        reason = entry.get("reason", "key_compromise")
        revoked.setdefault(entry["ca"], []).append(Revocation(serial, time(entry["at"]), reason))
    if wanted.get("crls") == "stale":
        return office.crls(revoked, this_update=NOW - timedelta(hours=12), period=timedelta(hours=6))
    return office.crls(revoked)


def _with_list(base: TrustStore, case: dict[str, Any]) -> TrustStore:
    wanted = case.get("status_list")
    if wanted is None:
        return base
    publisher = world.person(wanted.get("by", "publisher"))
    states = ["UNUSED"] * (world.STATUS_INDEX + 1)
    states[world.STATUS_INDEX] = wanted["state"]
    published = build_status_list(
        world.STATUS_LIST,
        states,
        region=world.REGION_CODE,
        issued_at=time(wanted.get("issued", "-1h")),
        next_update=time(wanted.get("until", "+1h")),
        sign=publisher.sign,
        signer_chain=[publisher.certificate.der],
    )
    return base.with_status_lists([load_status_list(published)])


@dataclass(frozen=True)
class RegisterDouble:
    """Stands in for the register: one answer for every licence."""

    answer: LicenceStatus | None

    def status(self, licence_id: str, moment: datetime) -> LicenceStatus | None:
        return self.answer


def register(case: dict[str, Any], data: bytes) -> RegisterDouble | None:
    """The register of ``case``; ``None``: offline."""
    wanted = case.get("register")
    if wanted is None:
        return None
    if wanted == "unknown":
        return RegisterDouble(None)
    ours = world.sealed(True)
    kept = {"same": data, "other": world.pack({"OFD.xml": b""}), "ours": ours}.get(wanted.get("file", ""))
    digest, fetch = (None, None) if kept is None else (sm3(kept).hex(), lambda: kept)
    return RegisterDouble(LicenceStatus(wanted["state"], NOW - timedelta(hours=1), digest, issued_file=fetch))


def verify(case: dict[str, Any]) -> Report:
    """What our verifier says of ``case``."""
    data = build(case)
    verifier = Verifier(store(case), lambda: time(case.get("now")), register(case, data))
    return verifier.verify(data, moment=time(case["moment"]) if "moment" in case else None)


def codes(report: Report) -> list[str]:
    """Every finding's code, document first."""
    return [f.code for f in report.findings] + [f.code for s in report.signatures for f in s.findings]
