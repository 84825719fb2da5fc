"""文件上的签章: what the verifier says of a file that came with seals or signatures (R072, third-party reports).

The answer is kept beside the upload and shown with it. It raises no level: a holder's seal says whose paper it is, an
agency's seal who made a report; whether that is enough is for whoever checks the material.
"""

from __future__ import annotations

from dataclasses import dataclass

from licence_store.uploads.checking import Checked
from licence_store.uploads.stored import OFD, PDF, SignatureFound
from trust.errors import LicenceTrustError
from verify.report import SignatureReport, rfc3339
from verify.verifier import Verifier


@dataclass(frozen=True, slots=True)
class Examined:
    """What was found on the file."""

    signatures: tuple[SignatureFound, ...] = ()
    indication: str = ""
    """Empty: it bears none."""

    @property
    def warnings(self) -> tuple[str, ...]:
        return () if self.indication in ("", "TOTAL-PASSED") else ("signature_doubtful",)


def examine(checked: Checked, verifier: Verifier) -> Examined:
    """核验 the seals and signatures of a PDF or OFD; pictures bear none."""
    if checked.media_type not in (PDF, OFD) or not checked.signed:
        return Examined()
    try:
        report = verifier.verify(checked.data)
    except LicenceTrustError:
        return Examined((), "INDETERMINATE")
    return Examined(tuple(map(_found, report.signatures)), str(report.indication))


def _found(one: SignatureReport) -> SignatureFound:
    return SignatureFound(
        one.signer[:200],
        one.seal.name[:200] if one.seal is not None else "",
        str(one.indication),
        one.sub_indication or "",
        rfc3339(one.time) if one.time is not None else "",
    )
