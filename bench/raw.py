"""The base of all ratios: SM2 in libcrypto through our prepared keys, a 32-byte message, one core."""

from __future__ import annotations

import itertools

from bench.measure import Act
from keys.software import generate_key
from trust.sm2 import load_public_key


def acts() -> dict[str, Act]:
    """``sm2_sign`` and ``sm2_verify``, each of a message not met before (signing) or of one of 64 (verifying)."""
    key = generate_key()
    public = load_public_key(key.public_key.point)
    numbers = itertools.count()
    signed = [(message, key.sign(message)) for message in (n.to_bytes(32, "big") for n in range(64))]
    turn = itertools.cycle(signed)

    def verify() -> None:
        message, signature = next(turn)
        if not public.verify(signature, message):
            raise RuntimeError("a good signature was refused")

    return {"sm2_sign": lambda: key.sign(next(numbers).to_bytes(32, "big")), "sm2_verify": verify}
