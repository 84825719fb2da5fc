"""共享应答: what a region answered, signed by it, so that it can be shown and checked later, offline.

    answer = read_answer(data)                        # opened, not trusted
    check_answer(answer, store, known_at=moment)      # believed: its publisher has a path to an anchor

The payload says what was asked (``request``: SM3 of the question's octets, ``operation``, ``caller``, ``purpose``), by
whom and when it was answered (``region``, ``as_of``), and the ``outcome`` with its ``result``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from trust.algorithms import sm3
from trust.anchors import TrustStore
from trust.canonical import Value
from trust.errors import CheckFailed
from trust.path import check_published
from trust.signed import SignedDocument, members, moment, odd, open_signed, sign_document, text, write_moment

FORMAT: Final = "licence-trust/sharing-answer/1"
MAX_BYTES: Final = 16 << 20
OUTCOMES: Final = (
    "FOUND", "NOT_FOUND", "TRUE", "FALSE", "TOTAL-PASSED", "TOTAL-FAILED", "INDETERMINATE", "SAME", "DIFFERENT",
    "UNREACHABLE",
)  # fmt: skip
_NAMES: Final = {
    "format", "id", "region", "as_of", "operation", "request", "caller", "purpose", "source", "outcome", "result",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class SharedAnswer:
    """共享应答, read; trusted only after ``check_answer``."""

    id: str
    region: str
    as_of: datetime
    operation: str
    request: str
    """SM3 of the question, hex."""
    caller: str
    purpose: Mapping[str, Value]
    source: str
    """``register``, ``provider:<name>``, or ``region:<code>`` of whoever answered."""
    outcome: str
    """One of ``OUTCOMES``."""
    result: Mapping[str, Value]
    document: SignedDocument = field(repr=False)
    data: bytes = field(repr=False)
    """The octets as signed and sent."""

    @property
    def digest(self) -> str:
        """SM3 of the octets, hex: what logs name it by."""
        return sm3(self.data).hex()


def build_answer(
    *,
    answer_id: str,
    region: str,
    as_of: datetime,
    operation: str,
    request: str,
    caller: str,
    purpose: Mapping[str, str],
    source: str,
    outcome: str,
    result: Mapping[str, object],
    sign: Callable[[bytes], bytes],
    signer_chain: Iterable[bytes],
) -> bytes:
    """共享应答 as sent, in a signed envelope; ``result`` holds strings, lists and objects only."""
    payload: dict[str, object] = {
        "format": FORMAT,
        "id": answer_id,
        "region": region,
        "as_of": write_moment(as_of),
        "operation": operation,
        "request": request,
        "caller": caller,
        "purpose": dict(purpose),
        "source": source,
        "outcome": outcome,
        "result": dict(result),
    }
    return sign_document(payload, sign, signer_chain)


def read_answer(data: bytes) -> SharedAnswer:
    """Parse without trusting. Raises ``Malformed("published.malformed", "json.*")``."""
    document = open_signed(data, FORMAT, limit=MAX_BYTES)
    payload = members(dict(document.payload), _NAMES)
    purpose, result = payload["purpose"], payload["result"]
    if not isinstance(purpose, dict) or not isinstance(result, dict):
        raise odd("result")
    words = {name: text(payload, name) for name in ("id", "region", "operation", "request", "caller", "source")}
    outcome = text(payload, "outcome")
    if outcome not in OUTCOMES:
        raise odd("outcome")
    as_of = moment(payload, "as_of")
    return SharedAnswer(
        **words, as_of=as_of, purpose=purpose, outcome=outcome, result=result, document=document, data=bytes(data)
    )


def check_answer(
    answer: SharedAnswer,
    store: TrustStore,
    *,
    known_at: datetime,
    question: bytes | None = None,
    region: str = "",
) -> None:
    """Is this what a publisher whom ``store`` believes answered, to ``question``, for ``region``?

    Raises ``CheckFailed``: as ``check_published``, ``sharing.answer_other_question``, ``sharing.answer_other_region``.
    """
    check_published(answer.document, store, answer.as_of, known_at=known_at)
    if question is not None and sm3(question).hex() != answer.request:
        raise CheckFailed(
            "TOTAL-FAILED", "FORMAT_FAILURE", "sharing.answer_other_question", "该应答答复的不是这个问题。"
        )
    if region and answer.region != region:
        raise CheckFailed(
            "TOTAL-FAILED",
            "FORMAT_FAILURE",
            "sharing.answer_other_region",
            "该应答由 {got} 作出，应为 {expected}。",
            got=answer.region,
            expected=region,
        )
