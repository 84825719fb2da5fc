"""签名者: the only door to a private key.

Key files, a cryptographic machine and a card all look like this to the rest of the product: a
certificate, a name, and ``sign``. Nothing here, and nothing that implements it, gives the key out.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from trust.certificates import Certificate


@runtime_checkable
class Signer(Protocol):
    """Signs with SM2 over SM3 (GB/T 32918.2) for the holder of ``certificate``. Safe to share between threads."""

    @property
    def certificate(self) -> Certificate:
        """The certificate of the key that signs."""

    @property
    def name(self) -> str:
        """What operators call this signer."""

    def sign(self, data: bytes) -> bytes:
        """DER {r, s} over SM3(Z ‖ ``data``), Z with the default user ID.

        Raises ``Unavailable("keys.unavailable")`` when the key cannot be reached.
        """


@runtime_checkable
class Timestamper(Protocol):
    """时间戳服务: whoever gives a time-stamp token (RFC 3161, GB/T 20520)."""

    def stamp(self, data: bytes) -> bytes:
        """A token (DER ContentInfo) whose imprint is SM3 of ``data``; ``Unavailable`` when it cannot be had."""


@runtime_checkable
class ClassicalSigner(Protocol):
    """国际算法签名者: signs with ECDSA or RSA over SHA-256, for readers that know no SM2.

    Never in place of a ``Signer``.
    """

    @property
    def certificate(self) -> bytes:
        """DER of the certificate of the key that signs."""

    @property
    def chain(self) -> tuple[bytes, ...]:
        """DER of the certificates above it."""

    @property
    def algorithm(self) -> bytes:
        """DER AlgorithmIdentifier of its signatures."""

    @property
    def longest(self) -> int:
        """Octets of a signature value at most."""

    def sign(self, data: bytes) -> bytes:
        """The signature value over SHA-256 of ``data``."""
