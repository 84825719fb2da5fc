"""案例: a line of ``tests/vectors/pdf.json`` made into a PDF file, a trust store and a question.

The keys are those of ``tests/vectors/README.md``: ``seals``, ``message``, ``trust``, ``register``, ``status_list``,
``now``, ``moment`` and ``expect`` mean what they mean for OFD. ``form`` is the SubFilter of the seals, ``after`` what is
done to the file, each step a word of ``making.TRICKS`` with its arguments; ``drawn`` is how a dishonest issuer draws the
page before it is sealed.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from seal.pdf.structures import CADES, SES
from tests.seal.pdf import foreign
from tests.verify import cases
from tests.verify.pdf import elsewhere, making
from trust.anchors import TrustStore
from verify.report import Report
from verify.verifier import Verifier

FILE = Path(__file__).parents[2] / "vectors" / "pdf.json"


@lru_cache(maxsize=1)
def load() -> tuple[dict[str, Any], ...]:
    """All cases."""
    return tuple(json.loads(FILE.read_text("utf-8")))


def build(case: dict[str, Any]) -> bytes:
    """The file of ``case``."""
    data = _made(case)
    for step in case.get("after", []):
        name, *arguments = step if isinstance(step, list) else [step]
        data = making.TRICKS[name](data, **(arguments[0] if arguments else {}))
    return data


def _made(case: dict[str, Any]) -> bytes:
    if "elsewhere" in case:
        return elsewhere.signed(**case["elsewhere"])
    if "drawn" in case:
        return making.redrawn(**case["drawn"])
    if case.get("unsigned"):
        return foreign.plain()
    form = SES if case.get("form") == "SES" else CADES
    if "seals" not in case and "message" not in case and form == CADES:
        return making.sealed(case.get("stamped", True))
    message = cases._message(case["message"]) if "message" in case else None
    return making.sealed_by([cases.signature_recipe(one) for one in case.get("seals", [{}])], message, form)


def verify(case: dict[str, Any]) -> Report:
    """What our verifier says of ``case``."""
    data = build(case)
    verifier = Verifier(store(case), lambda: cases.time(case.get("now")), register(case, data))
    return verifier.verify(data, moment=cases.time(case["moment"]) if "moment" in case else None)


def store(case: dict[str, Any]) -> TrustStore:
    """As for OFD; ``believe`` adds the root of elsewhere for these purposes, ``their_list`` its list."""
    found = cases.store(case)
    if "believe" in case:
        found = found.changed(anchors=(*found.anchors, *elsewhere.anchors(*case["believe"])))
    if "their_list" in case:
        wanted = dict(case["their_list"])
        one = elsewhere.person(**wanted.pop("who", {}))
        revoked = [(one, cases.time(wanted.pop("at")))] if "at" in wanted else []
        found = found.with_crls((*found.crls, elsewhere.crl(*revoked, **wanted)))
    return found


def register(case: dict[str, Any], data: bytes) -> cases.RegisterDouble | None:
    """The register of ``case``; what it keeps as ``ours`` is the untouched PDF."""
    wanted = case.get("register")
    if isinstance(wanted, dict) and wanted.get("file") == "ours":
        found = cases.register({"register": {**wanted, "file": "same"}}, making.sealed())
        return found
    return cases.register(case, data)
