"""SM2 验签: is this signature over these octets by this key (GB/T 32918.2, .5; encoding GB/T 35276)?

The arithmetic is done by the system's libcrypto ≥ 3.0. Z and e = SM3(Z ‖ M) are computed here, once
per key and user ID, so that both providers are asked the same question and a check costs one
``EVP_PKEY_verify``. Where libcrypto has no SM2, ``gmssl`` checks instead (pure Python, slow, not
constant-time) and a warning says so; it never signs.

    key = load_public_key(point)
    key.verify(signature, data)        # True or False, never an exception for a bad signature
"""

from __future__ import annotations

import logging
import threading
import warnings
from functools import lru_cache
from typing import Final

from cryptography.hazmat.primitives import hashes

from trust import der, libcrypto
from trust.algorithms import EC_PUBLIC_KEY, SM2_CURVE, sm3, sm3_hasher
from trust.errors import Malformed

_log = logging.getLogger(__name__)

DEFAULT_USER_ID: Final = b"1234567812345678"
"""默认用户身份标识 (GM/T 0009, clause 10)."""

P: Final = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
A: Final = P - 3
B: Final = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
N: Final = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
_G: Final = bytes.fromhex(
    "32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7"
    "BC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0"
)
_CURVE_PREFIX: Final = A.to_bytes(32, "big") + B.to_bytes(32, "big") + _G

_SPKI_PREFIX: Final = bytes.fromhex("3059301306") + der.oid(EC_PUBLIC_KEY)[1:] + der.oid(SM2_CURVE) + b"\x03\x42\x00"


class PublicKey:
    """SM2 公钥: a point on the curve, prepared for checking. Safe to share between threads."""

    __slots__ = ("_identities", "_native", "point")

    def __init__(self, point: bytes) -> None:
        """``point`` is 65 octets 04 ‖ X ‖ Y on the curve, else ``Malformed("sm2.bad_point")``."""
        _check_point(point)
        self.point: Final = bytes(point)
        self._identities: dict[bytes, hashes.Hash] = {}
        self._native = _load_native(self.point)

    @classmethod
    def from_point(cls, point: bytes) -> PublicKey:
        """The same as the constructor; ``load_public_key`` is the cached way."""
        return cls(point)

    def __repr__(self) -> str:
        return f"<PublicKey {self.point.hex()[:18]}…>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PublicKey) and other.point == self.point

    def __hash__(self) -> int:
        return hash(self.point)

    @property
    def spki(self) -> bytes:
        """SubjectPublicKeyInfo in DER."""
        return _SPKI_PREFIX + self.point

    def digest(self, data: bytes, user_id: bytes = DEFAULT_USER_ID) -> bytes:
        """e = SM3(Z ‖ ``data``), 32 octets, Z for this key and ``user_id``."""
        prepared = self._identities.get(user_id)
        if prepared is None:
            prepared = self._prepare(user_id)
        hasher = prepared.copy()
        hasher.update(data)
        return hasher.finalize()

    def _prepare(self, user_id: bytes) -> hashes.Hash:
        hasher = sm3_hasher()
        hasher.update(identity_digest(self.point, user_id))
        if len(self._identities) < 8:
            self._identities[user_id] = hasher
        return hasher

    def verify(self, signature: bytes, data: bytes, *, user_id: bytes = DEFAULT_USER_ID) -> bool:
        """Is DER ``signature`` {r, s} this key's over ``data``? Strict DER; r, s in [1, n-1]; no exception."""
        try:
            r, s = split_signature(signature)
        except Malformed:
            return False
        digest = self.digest(data, user_id)
        if self._native is not None:
            return self._native.verify(signature, digest)
        return _verify_with_gmssl(self.point, r, s, digest)


@lru_cache(maxsize=2048)
def load_public_key(point: bytes) -> PublicKey:
    """The prepared key for ``point`` (65 octets 04 ‖ X ‖ Y); cached. ``Malformed`` if not on the curve."""
    return PublicKey(point)


def identity_digest(point: bytes, user_id: bytes = DEFAULT_USER_ID) -> bytes:
    """Z = SM3(ENTL ‖ ID ‖ a ‖ b ‖ G ‖ P) (GB/T 32918.2, 5.5); ``user_id`` up to 8191 octets."""
    if len(user_id) > 8191:
        raise Malformed("sm2.user_id_too_long", "SM2 用户标识过长：{size} 字节，最多 8191 字节。", size=len(user_id))
    return sm3((len(user_id) * 8).to_bytes(2, "big") + user_id + _CURVE_PREFIX + point[1:])


def split_signature(signature: bytes) -> tuple[int, int]:
    """``(r, s)`` of a strict DER SEQUENCE{INTEGER r, INTEGER s}; ``Malformed("sm2.bad_signature")`` otherwise."""
    try:
        tag, body, end = der.read_tlv(signature)
        if tag != der.SEQUENCE or end != len(signature):
            raise ValueError("not one SEQUENCE")
        r, middle = _read_scalar(body, 0)
        s, last = _read_scalar(body, middle)
        if last != len(body):
            raise ValueError("something follows s")
    except ValueError as error:
        raise Malformed("sm2.bad_signature", "SM2 签名值不是规范的 DER 编码 {{r, s}}。") from error
    return r, s


def _read_scalar(body: bytes, offset: int) -> tuple[int, int]:
    tag, octets, end = der.read_tlv(body, offset)
    shortest = len(octets) == 1 or (len(octets) > 1 and (octets[0] != 0 or octets[1] >= 0x80))
    if tag != der.INTEGER or not shortest:
        raise ValueError("not an INTEGER in shortest form")
    value = int.from_bytes(octets, "big", signed=True)
    if not 1 <= value < N:
        raise ValueError("out of range")
    return value, end


def raw_to_der(raw: bytes) -> bytes:
    """DER {r, s} from 64 octets r ‖ s (as some products write it); ``Malformed`` for another size."""
    if len(raw) != 64:
        raise Malformed("sm2.bad_raw_signature", "SM2 裸签名值应为 64 字节，实为 {size} 字节。", size=len(raw))
    return der.tlv(
        der.SEQUENCE, der.integer(int.from_bytes(raw[:32], "big")), der.integer(int.from_bytes(raw[32:], "big"))
    )


def der_to_raw(signature: bytes) -> bytes:
    """64 octets r ‖ s from strict DER; ``Malformed("sm2.bad_signature")`` otherwise."""
    r, s = split_signature(signature)
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def signature_from_raw(signature: bytes) -> bytes:
    """``signature`` as DER, whether it came as DER or as raw 64 octets r ‖ s."""
    return raw_to_der(signature) if len(signature) == 64 else signature


def _check_point(point: bytes) -> None:
    if len(point) != 65 or point[0] != 4:
        raise Malformed("sm2.bad_point", "SM2 公钥应为 65 字节的非压缩点，收到 {size} 字节。", size=len(point))
    x, y = int.from_bytes(point[1:33], "big"), int.from_bytes(point[33:], "big")
    if x >= P or y >= P or (y * y - (x * x + A) * x - B) % P:
        raise Malformed("sm2.point_not_on_curve", "SM2 公钥不是 SM2 推荐曲线上的点。")


def provider() -> str:
    """Who checks: ``"libcrypto"``, or ``"gmssl"`` where the system's library has no SM2."""
    return "gmssl" if libcrypto.libcrypto() is None else "libcrypto"


def _load_native(point: bytes) -> libcrypto.NativeKey | None:
    lib = libcrypto.libcrypto()
    if lib is None:
        _warn_once()
        return None
    native = libcrypto.load_public(lib, _SPKI_PREFIX + point)
    if native is None:
        raise Malformed("sm2.key_not_accepted", "密码库不接受该 SM2 公钥。")
    return native


@lru_cache(maxsize=1)
def _warn_once() -> None:
    text = (
        "libcrypto >= 3.0 with SM2 was not found: signatures are CHECKED with the pure-Python gmssl instead "
        "(slow, not constant-time) and nothing can be signed here"
    )
    _log.warning(text)
    warnings.warn(text, RuntimeWarning, stacklevel=4)


_gmssl_lock = threading.Lock()


def _verify_with_gmssl(point: bytes, r: int, s: int, digest: bytes) -> bool:
    """The second provider. Its constructor mangles some keys (``lstrip("04")``), so the key is set after it."""
    from gmssl.sm2 import CryptSM2

    checker = CryptSM2(private_key="", public_key="")
    checker.public_key = point[1:].hex()
    try:
        with _gmssl_lock:
            return bool(checker.verify(f"{r:064x}{s:064x}", digest))
    except (TypeError, ValueError):  # a sum that is the point at infinity: no signature has it
        return False
