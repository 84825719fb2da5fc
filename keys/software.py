"""密钥文件: SM2 keys in software, encrypted at rest (PKCS#8, PBES2; RFC 5958, RFC 8018).

In use, a private key lives in libcrypto's memory and is wiped there when released. While a file is
read or written its octets stand for a moment in a ``bytearray`` that is overwritten after use. What
Python cannot promise: the passphrase is an immutable ``bytes`` object, the operating system may swap
or dump memory, and copies made inside the cipher library are wiped only as that library does it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from asn1crypto import keys, pem
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes

from trust import der, libcrypto
from trust.algorithms import EC_PUBLIC_KEY, SM2_CURVE, SM4_CBC
from trust.certificates import Certificate
from trust.errors import Malformed, Refused, Unavailable
from trust.sm2 import DEFAULT_USER_ID, PublicKey, load_public_key

ITERATIONS: Final = 600_000
"""PBKDF2-HMAC-SHA256 rounds for a passphrase a person chose; fewer do for a random one."""
_MAX_ITERATIONS: Final = 20_000_000
_BLOCK: Final = 16

_PBES2: Final = "1.2.840.113549.1.5.13"
_PBKDF2: Final = "1.2.840.113549.1.5.12"
_HMAC_SHA256: Final = "1.2.840.113549.2.9"
_AES256_CBC: Final = "2.16.840.1.101.3.4.1.42"


class KeyCipher(StrEnum):
    """How a key file is encrypted; ``openssl pkey`` opens both."""

    AES256 = "aes256_cbc"
    SM4 = "sm4_cbc"


_CIPHERS: Final[dict[KeyCipher, tuple[str, int, Callable[[bytes], Any]]]] = {
    KeyCipher.AES256: (_AES256_CBC, 32, algorithms.AES),
    KeyCipher.SM4: (SM4_CBC, 16, algorithms.SM4),
}
_PRFS: Final = {"sha256": "sha256", "hmac_sm3": "sm3", "sha384": "sha384", "sha512": "sha512", "sha1": "sha1"}


class SoftwareKey:
    """SM2 私钥 held by libcrypto. It signs; it does not show itself, and cannot be pickled or copied."""

    __slots__ = ("_native", "public_key")

    def __init__(self, native: libcrypto.NativeKey) -> None:
        """For this module: use ``generate_key`` or ``load_key``."""
        self._native = native
        self.public_key: Final[PublicKey] = load_public_key(native.public_der()[-65:])

    def __repr__(self) -> str:
        return f"<SoftwareKey for {self.public_key!r}>"

    def __reduce__(self) -> str | tuple[Any, ...]:
        raise TypeError("a private key cannot be pickled or copied")

    @property
    def point(self) -> bytes:
        """The public key, 04 ‖ X ‖ Y."""
        return self.public_key.point

    def sign(self, data: bytes, *, user_id: bytes = DEFAULT_USER_ID) -> bytes:
        """DER {r, s} over SM3(Z ‖ ``data``); the nonce comes from libcrypto's random source."""
        try:
            return self._native.sign(self.public_key.digest(data, user_id))
        except OSError as error:
            raise Unavailable("keys.unavailable", "签名失败：密码库拒绝使用该私钥。") from error


@dataclass(frozen=True, slots=True)
class SoftwareSigner:
    """A ``Signer`` whose key is in this process."""

    certificate: Certificate
    key: SoftwareKey
    name: str = ""

    def __post_init__(self) -> None:
        """Raises ``Refused("keys.certificate_mismatch")`` where the certificate is for another key."""
        if self.certificate.point != self.key.point:
            raise Refused(
                "keys.certificate_mismatch",
                "证书“{subject}”与私钥不匹配：证书中的公钥属于另一把密钥。",
                subject=self.certificate.subject,
            )
        if not self.name:
            object.__setattr__(self, "name", self.certificate.common_name)

    def sign(self, data: bytes) -> bytes:
        """DER {r, s} over SM3(Z ‖ ``data``) with the default user ID."""
        return self.key.sign(data)


def signing_library() -> libcrypto.Libcrypto:
    """The library that signs, or ``Unavailable("keys.no_sm2")`` in one clear sentence."""
    lib = libcrypto.libcrypto()
    if lib is None:
        raise Unavailable(
            "keys.no_sm2",
            "本机的 libcrypto 不支持 SM2（需要 OpenSSL 3.0 或更高版本），因此不能签名；核验不受影响。",
            remedy="请安装 OpenSSL 3.0 或更高版本后重试。",
        )
    return lib


def generate_key() -> SoftwareKey:
    """A fresh SM2 key pair. ``Unavailable("keys.no_sm2")`` on a machine that cannot sign."""
    lib = signing_library()
    try:
        return SoftwareKey(libcrypto.generate(lib))
    except OSError as error:
        raise Unavailable("keys.unavailable", "生成密钥失败：密码库没有可用的随机源或不支持 SM2。") from error


def save_key(
    key: SoftwareKey, passphrase: bytes, *, cipher: KeyCipher = KeyCipher.AES256, iterations: int = ITERATIONS
) -> bytes:
    """``key`` as PEM ``ENCRYPTED PRIVATE KEY``. ``Refused("keys.empty_passphrase")`` without a passphrase."""
    if not passphrase:
        raise Refused("keys.empty_passphrase", "密钥文件必须以口令加密：口令不能为空。")
    salt, vector = os.urandom(16), os.urandom(_BLOCK)
    scheme, size, algorithm = _CIPHERS[cipher]
    derived = _derive("sha256", passphrase, salt, iterations, size)
    secret = _pkcs8(key)
    try:
        encryptor = Cipher(algorithm(derived), modes.CBC(vector)).encryptor()
        sealed = encryptor.update(secret) + encryptor.finalize()
    finally:
        wipe(secret)
    return bytes(pem.armor("ENCRYPTED PRIVATE KEY", _envelope(salt, iterations, scheme, vector, sealed)))


def load_key(data: bytes, passphrase: bytes) -> SoftwareKey:
    """The key in an encrypted PEM (or DER) PKCS#8 file.

    Raises ``Refused("keys.wrong_passphrase")``, ``Refused("keys.not_encrypted")`` for a key in the
    clear, ``Malformed("keys.malformed")`` for anything else, ``Unavailable("keys.no_sm2")``.
    """
    lib = signing_library()
    salt, rounds, prf, cipher, vector, sealed = _open_envelope(data)
    _, size, algorithm = _CIPHERS[cipher]
    decryptor = Cipher(algorithm(_derive(prf, passphrase, salt, rounds, size)), modes.CBC(vector)).decryptor()
    secret = bytearray(len(sealed) + _BLOCK)
    try:
        native = _open_secret(lib, decryptor, sealed, secret)
    finally:
        wipe(secret)
    key = _matching(native)
    if key is None:
        raise Refused("keys.wrong_passphrase", "无法打开密钥文件：口令不正确，或文件已损坏。")
    return key


def _matching(native: libcrypto.NativeKey | None) -> SoftwareKey | None:
    """The key, if its private half fits its public half: CBC alone would not notice an altered file."""
    if native is None:
        return None
    try:
        key = SoftwareKey(native)
        return key if key.public_key.verify(key.sign(b"pair"), b"pair") else None
    except (Malformed, Unavailable):
        return None


def wipe(secret: bytearray) -> None:
    """Overwrite ``secret`` with zeros."""
    secret[:] = bytes(len(secret))


def _derive(prf: str, passphrase: bytes, salt: bytes, rounds: int, size: int) -> bytes:
    try:
        return hashlib.pbkdf2_hmac(prf, passphrase, salt, rounds, size)
    except ValueError as error:
        raise Unavailable("keys.no_prf", "本机不支持密钥文件所用的口令派生算法 {name}。", name=prf) from error


def _pkcs8(key: SoftwareKey) -> bytearray:
    """PrivateKeyInfo with PKCS#7 padding, in an array the caller wipes."""
    inner = key._native.private_der()
    algorithm = der.tlv(der.SEQUENCE, der.oid(EC_PUBLIC_KEY), der.oid(SM2_CURVE))
    head = der.integer(0) + algorithm + bytes((der.OCTET_STRING, len(inner)))
    total = len(head) + len(inner)
    secret = bytearray(bytes((der.SEQUENCE, 0x81, total)) if total >= 0x80 else bytes((der.SEQUENCE, total)))
    padding = _BLOCK - (len(secret) + total) % _BLOCK
    secret.extend(head)
    secret.extend(inner)
    wipe(inner)
    secret.extend(bytes((padding,)) * padding)
    return secret


def _envelope(salt: bytes, rounds: int, scheme: str, vector: bytes, sealed: bytes) -> bytes:
    prf = der.tlv(der.SEQUENCE, der.oid(_HMAC_SHA256), der.NULL)
    derivation = der.tlv(der.SEQUENCE, der.tlv(der.OCTET_STRING, salt), der.integer(rounds), prf)
    parameters = der.tlv(
        der.SEQUENCE,
        der.tlv(der.SEQUENCE, der.oid(_PBKDF2), derivation),
        der.tlv(der.SEQUENCE, der.oid(scheme), der.tlv(der.OCTET_STRING, vector)),
    )
    algorithm = der.tlv(der.SEQUENCE, der.oid(_PBES2), parameters)
    return der.tlv(der.SEQUENCE, algorithm, der.tlv(der.OCTET_STRING, sealed))


def _open_envelope(data: bytes) -> tuple[bytes, int, str, KeyCipher, bytes, bytes]:
    try:
        return _read_envelope(_unarmour(data))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Malformed("keys.malformed", "无法解析密钥文件：应为 PBES2 加密的 PKCS#8 格式。") from error


def _unarmour(data: bytes) -> bytes:
    if not pem.detect(data):
        return data
    label, _, body = pem.unarmor(data)
    if label != "ENCRYPTED PRIVATE KEY":
        raise Refused("keys.not_encrypted", "拒绝使用密钥文件：其中的私钥没有用口令加密（{label}）。", label=label)
    return bytes(body)


def _read_envelope(body: bytes) -> tuple[bytes, int, str, KeyCipher, bytes, bytes]:
    info = keys.EncryptedPrivateKeyInfo.load(body, strict=True)
    algorithm = info["encryption_algorithm"]
    if algorithm["algorithm"].dotted != _PBES2:
        raise ValueError("not PBES2")
    derivation, scheme = algorithm["parameters"]["key_derivation_func"], algorithm["parameters"]["encryption_scheme"]
    if derivation["algorithm"].dotted != _PBKDF2:
        raise ValueError("not PBKDF2")
    parameters = derivation["parameters"]
    rounds, vector, sealed = parameters["iteration_count"].native, scheme["parameters"].native, info["encrypted_data"]
    if not 1 <= rounds <= _MAX_ITERATIONS or len(vector) != _BLOCK or not sealed.native or len(sealed.native) % _BLOCK:
        raise ValueError("parameters out of range")
    prf = _PRFS[parameters["prf"]["algorithm"].native]
    cipher = KeyCipher(scheme["algorithm"].native)
    return parameters["salt"].native, rounds, prf, cipher, vector, sealed.native


def _open_secret(
    lib: libcrypto.Libcrypto, decryptor: CipherContext, sealed: bytes, secret: bytearray
) -> libcrypto.NativeKey | None:
    size = decryptor.update_into(sealed, secret)
    padding = secret[size - 1]
    if not 1 <= padding <= _BLOCK or any(octet != padding for octet in secret[size - padding : size]):
        return None
    plain = secret[: size - padding]
    try:
        return libcrypto.load_private(lib, plain)
    finally:
        wipe(plain)
