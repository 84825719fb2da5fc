"""Verification that fetches evidence: whom it asks about, and what becomes of silence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.authority import MOMENT
from tests.verify import world
from trust.anchors import TrustStore
from trust.certificates import Certificate
from trust.revocation import SilentSource
from verify.report import Indication
from verify.verifier import Verifier


@dataclass
class Fetched:
    """An ``EvidenceSource`` that brings what it is told to."""

    crls: bool
    silent: tuple[SilentSource, ...] = ()
    asked: list[str] = field(default_factory=list)

    def current(self, store: TrustStore, certificates: Iterable[Certificate]) -> TrustStore:
        self.asked = [certificate.common_name for certificate in certificates]
        return store.changed(crls=world.authority().crls() if self.crls else (), silent=self.silent)


def verify(evidence: Fetched | None) -> tuple[Indication, set[str]]:
    """A sealed licence, by a verifier that has no list of its own."""
    trust = world.authority().store(crls=())
    report = Verifier(trust, lambda: MOMENT, evidence=evidence).verify(world.sealed())
    found = [*report.findings, *(f for s in report.signatures for f in s.findings)]
    return report.indication, {f.code for f in found}


def silence() -> SilentSource:
    issuer = world.authority().issuing_ca.certificate
    return SilentSource("http://crl.example/x.crl", issuer.subject_name_der, "fetch.timeout", "未应答")


def test_without_lists_nothing_passes() -> None:
    indication, codes = verify(None)
    assert indication is Indication.INDETERMINATE and "revocation.missing" in codes


def test_what_is_fetched_is_used_and_everybody_is_asked_about() -> None:
    evidence = Fetched(crls=True)
    indication, codes = verify(evidence)
    assert indication is Indication.PASSED and not any(code.startswith("revocation.") for code in codes)
    names = " ".join(evidence.asked)
    assert all(word in names for word in ("市场监督管理局", "制章人", "时间戳机构"))


def test_silence_is_told_and_never_a_pass() -> None:
    indication, codes = verify(Fetched(crls=False, silent=(silence(),)))
    assert indication is Indication.INDETERMINATE and "revocation.source_silent" in codes


def test_silence_with_good_lists_at_hand_is_a_warning() -> None:
    indication, codes = verify(Fetched(crls=True, silent=(silence(),)))
    assert indication is Indication.PASSED and "revocation.source_unreachable" in codes


def test_a_broken_file_asks_nobody() -> None:
    evidence = Fetched(crls=True)
    report = Verifier(world.authority().store(), lambda: MOMENT, evidence=evidence).verify(b"no file")
    assert report.indication is Indication.FAILED and evidence.asked == []
