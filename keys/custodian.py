"""密钥保管: who keeps a key. Encrypted files today; a TPM or a cryptographic machine (GM/T 0018) through this seam.

A key is named by a reference ``custodian:name``, such as ``file:signer-11…`` or ``sdf:3``. What is chosen in
settings is which custodians there are; everything else in the product asks ``Custodians`` for a ``Signer``. A
custodian that is away is no disaster: its signers say ``Unavailable("keys.custodian_away")``, the act
waits, and nothing is lost.

    custodians = Custodians({"file": keyring})
    signer = custodians.signer("file:signer-11990000MB0000001X")
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol, TypeVar, runtime_checkable

from keys.signer import Signer
from trust.certificates import Certificate
from trust.errors import LicenceTrustError, Malformed, NotFound, Unavailable

_T = TypeVar("_T")

FILE: Final = "file"
"""The custodian of key files, a ``Keyring``; also meant where a reference names none."""


@runtime_checkable
class Custodian(Protocol):
    """保管者 of keys: name → signer. ``Keyring`` is one. Safe to share between threads."""

    def names(self) -> tuple[str, ...]:
        """The keys it keeps. Raises ``Unavailable`` when it is away."""

    def certificate(self, name: str) -> Certificate:
        """The certificate of a key; ``NotFound("keys.unknown")``, ``Unavailable``."""

    def signer(self, name: str) -> Signer:
        """The key's door; ``NotFound("keys.unknown")``, ``Unavailable``, ``Refused``."""


class KeyReference(NamedTuple):
    """密钥引用."""

    custodian: str
    name: str

    def __str__(self) -> str:
        return f"{self.custodian}:{self.name}"


def parse_reference(text: str) -> KeyReference:
    """``custodian:name``, or a bare name of a key file. ``Malformed("keys.reference")``."""
    custodian, colon, name = text.partition(":")
    found = KeyReference(custodian, name) if colon else KeyReference(FILE, text)
    if not found.name or not found.custodian.isidentifier() or not found.custodian.isascii() or len(text) > 200:
        raise Malformed("keys.reference", "密钥引用“{text}”无效：应为“保管者:名称”。", text=text[:80])
    return found


@dataclass(frozen=True, slots=True)
class CustodianState:
    """保管者状态, for a page and for ``/readyz``."""

    name: str
    present: bool
    keys: int
    reason: str = ""
    """Why it is away, in Chinese."""


@dataclass(frozen=True, slots=True)
class Custodians:
    """All custodians by the word that stands for them in references."""

    by_name: Mapping[str, Custodian]

    def signer(self, reference: str) -> Signer:
        """Raises ``NotFound("keys.no_custodian")``, ``Unavailable("keys.custodian_away")``, and what the
        custodian raises about the key itself.
        """
        custodian, name = self._find(reference)
        return _present(str(parse_reference(reference)), lambda: custodian.signer(name))

    def certificate(self, reference: str) -> Certificate:
        """As ``signer``; needs no secret."""
        custodian, name = self._find(reference)
        return _present(reference, lambda: custodian.certificate(name))

    def waiting_signer(self, reference: str, certificate: Certificate) -> WaitingSigner:
        """A signer that can be had while its custodian is away: it is asked for when it signs."""
        return WaitingSigner(self, reference, certificate)

    def states(self) -> tuple[CustodianState, ...]:
        """Who is there; never raises."""
        return tuple(_state(name, custodian) for name, custodian in sorted(self.by_name.items()))

    def _find(self, reference: str) -> tuple[Custodian, str]:
        parsed = parse_reference(reference)
        custodian = self.by_name.get(parsed.custodian)
        if custodian is None:
            raise NotFound("keys.no_custodian", "没有名为“{name}”的密钥保管者。", name=parsed.custodian)
        return custodian, parsed.name


@dataclass(frozen=True, slots=True)
class WaitingSigner:
    """A ``Signer`` whose key is looked for at each signature, so that a custodian may come and go."""

    custodians: Custodians = field(repr=False)
    reference: str
    certificate: Certificate

    @property
    def name(self) -> str:
        return parse_reference(self.reference).name

    def sign(self, data: bytes) -> bytes:
        """Raises ``Unavailable("keys.custodian_away")``; also where the custodian now has another key there."""
        signer = self.custodians.signer(self.reference)
        if signer.certificate.point != self.certificate.point:
            raise Unavailable(
                "keys.changed", "密钥“{reference}”已更换，与证书不再相符。", reference=self.reference,
                remedy="请改用与新密钥相符的证书后重试。",
            )  # fmt: skip
        return _present(self.reference, lambda: signer.sign(data))


def _present(reference: str, act: Callable[[], _T]) -> _T:
    try:
        return act()
    except Unavailable as away:
        raise Unavailable(
            "keys.custodian_away",
            "密钥“{reference}”暂时无法使用：{reason}",
            reference=reference,
            reason=away.message,
            remedy="密钥恢复可用后会继续办理，已提交的内容不会丢失。",
        ) from away


def _state(name: str, custodian: Custodian) -> CustodianState:
    try:
        return CustodianState(name, present=True, keys=len(custodian.names()))
    except LicenceTrustError as error:
        return CustodianState(name, present=False, keys=0, reason=error.message)
