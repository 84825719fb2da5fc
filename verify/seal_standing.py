"""印章状态: was the seal in force when it was used (GB/T 33481; 挂失、冻结、销毁)?

The register of seals answers, where one is at hand; else a published list (``trust.seal_status``) that is fresh and
whose publisher is believed. Judged is the signing time that a time stamp proves; a time that is only claimed
does not protect a seal that has gone out of force since: whoever holds a lost one can claim any time.
"""

from __future__ import annotations

from datetime import datetime

from seal.ses import SESeal
from trust.algorithms import sm3
from trust.anchors import TrustStore
from trust.errors import CheckFailed, LicenceTrustError, Word
from trust.path import check_published
from trust.seal_status import STATES, VALID, SealStatus, SealStatusList
from verify.checks import FAILED, INDETERMINATE, Question, SigningTime
from verify.policy import SealStatusSource


def check_in_force(
    seal: SESeal, time: SigningTime, store: TrustStore, source: SealStatusSource | None, question: Question
) -> bool:
    """Was this very seal in force when it was used? ``False``: nobody at hand knows it.

    Raises ``CheckFailed``: ``seal.not_in_force`` (sub-indication ``SEAL_<STATE>``), ``seal.not_in_force_no_poe``
    (out of force by now, and only the signer says that it was used before).
    """
    digest = sm3(seal.der).hex()
    said = _standing(seal, digest, time.value, store, source, question)
    if said is None:
        return False
    if said.state != VALID:
        # A seal that is not the one registered may be another region's, whose register was not asked: not proved wrong.
        raise CheckFailed(
            INDETERMINATE if said.state == "UNREGISTERED" else FAILED,
            f"SEAL_{said.state}",
            "seal.not_in_force",
            "印章“{name}”在签章时（{moment}）的状态为“{state}”（自 {since}），签章无效。",
            name=seal.name,
            moment=time.value.isoformat(),
            state=Word(STATES.get(said.state, said.state)),
            since=said.since.isoformat() if said.since else "-",
        )
    now = said if time.proved else _standing(seal, digest, question.known_at, store, source, question)
    if now is not None and now.state != VALID:
        raise CheckFailed(
            INDETERMINATE,
            f"SEAL_{now.state}",
            "seal.not_in_force_no_poe",
            "印章“{name}”现在的状态为“{state}”（自 {since}），没有可信时间证明签章在此之前完成。",
            name=seal.name,
            state=Word(STATES.get(now.state, now.state)),
            since=now.since.isoformat() if now.since else "-",
        )
    return True


def _standing(
    seal: SESeal, digest: str, when: datetime, store: TrustStore, source: SealStatusSource | None, question: Question
) -> SealStatus | None:
    known = _ask(source, seal.seal_id, digest, when)
    if known is not None:
        return known
    for published in sorted(store.seal_lists, key=lambda one: one.issued_at, reverse=True):
        said = _read(published, seal.seal_id, digest, when, store, question)
        if said is not None:
            return said
    return None


def _ask(source: SealStatusSource | None, seal_id: str, digest: str, when: datetime) -> SealStatus | None:
    try:
        return source.seal_status(seal_id, digest, when) if source is not None else None
    except LicenceTrustError:
        return None


def _read(
    published: SealStatusList, seal_id: str, digest: str, when: datetime, store: TrustStore, question: Question
) -> SealStatus | None:
    """What a list says of this very seal; of a seal it has under another picture only its own region may speak."""
    if not published.is_fresh(question.known_at):
        return None
    try:
        history = published.history(seal_id)
        if history is None:
            return None
        if published.region != store.region and digest not in (known for known, _from in history.objects):
            return None
        # asked with what was known at a time stamp, a list published since is no less the publisher's word
        known_at = max(question.known_at, published.issued_at)
        check_published(published.document, store, published.issued_at, known_at=known_at)
    except LicenceTrustError:
        return None
    return history.at(when, digest)
