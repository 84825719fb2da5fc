"""The small ctypes binding to the system's libcrypto (OpenSSL ≥ 3.0): SM2 arithmetic, nothing else.

``trust.sm2`` uses it to check, ``keys.software`` to sign. Contexts (``EVP_PKEY_CTX``) may not be
shared between threads at one time, so each key keeps a pool of prepared ones; keys may.
ctypes lets go of the interpreter lock during every call.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import logging
import weakref
from collections import deque
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

_log = logging.getLogger(__name__)

_CANDIDATES: Final = (
    "libcrypto.so.3",
    "libcrypto.so.4",
    "libcrypto.3.dylib",
    "/opt/homebrew/opt/openssl@3/lib/libcrypto.3.dylib",
    "/usr/local/opt/openssl@3/lib/libcrypto.3.dylib",
    "libcrypto-3-x64.dll",
    "libcrypto-3.dll",
)
_OLDEST: Final = 0x30000000

_MAX_SIGNATURE = 72

_P = ctypes.c_void_p
_S = ctypes.c_size_t
_I = ctypes.c_int
_B = ctypes.c_char_p

_PROTOTYPES: Final[dict[str, tuple[Any, ...]]] = {
    "EVP_PKEY_CTX_new_from_name": (_P, _P, _B, _B),
    "EVP_PKEY_CTX_new_from_pkey": (_P, _P, _P, _B),
    "EVP_PKEY_CTX_free": (None, _P),
    "EVP_PKEY_keygen_init": (_I, _P),
    "EVP_PKEY_generate": (_I, _P, ctypes.POINTER(_P)),
    "EVP_PKEY_sign_init": (_I, _P),
    "EVP_PKEY_sign": (_I, _P, _P, ctypes.POINTER(_S), _B, _S),
    "EVP_PKEY_verify_init": (_I, _P),
    "EVP_PKEY_verify": (_I, _P, _B, _S, _B, _S),
    "EVP_PKEY_free": (None, _P),
    "EVP_PKEY_is_a": (_I, _P, _B),
    "d2i_PUBKEY": (_P, _P, ctypes.POINTER(_P), ctypes.c_long),
    "d2i_AutoPrivateKey": (_P, _P, ctypes.POINTER(_P), ctypes.c_long),
    "i2d_PUBKEY": (_I, _P, ctypes.POINTER(_P)),
    "i2d_PrivateKey": (_I, _P, ctypes.POINTER(_P)),
    "ERR_clear_error": (None,),
    "OPENSSL_cleanse": (None, _P, _S),
}


class Libcrypto:
    """The functions we need, with their types; ``version`` is ``OpenSSL_version_num``."""

    def __init__(self, library: ctypes.CDLL) -> None:
        """Raises ``AttributeError`` where the library lacks a function (1.1.1, or not OpenSSL)."""
        library.OpenSSL_version_num.restype = ctypes.c_ulong
        self.version: int = library.OpenSSL_version_num()
        for name, (result, *arguments) in _PROTOTYPES.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
            setattr(self, name, function)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Only for the type checker and for unknown names: the real ones are set in ``__init__``."""
        raise AttributeError(name)


@lru_cache(maxsize=1)
def libcrypto() -> Libcrypto | None:
    """The system's libcrypto if it is ≥ 3.0 and knows SM2, else ``None``. Looked for once."""
    for name in (*_CANDIDATES, None):
        found = name or ctypes.util.find_library("crypto")
        binding = _try(found) if found else None
        if binding is not None:
            return binding
    return None


def _try(name: str) -> Libcrypto | None:
    try:
        binding = Libcrypto(ctypes.CDLL(name))
    except (OSError, AttributeError):
        return None
    if binding.version < _OLDEST:
        _log.info("%s is older than OpenSSL 3.0 and is not used", name)
        return None
    context = binding.EVP_PKEY_CTX_new_from_name(None, b"SM2", None)
    if not context:
        binding.ERR_clear_error()
        _log.info("%s knows no SM2 and is not used", name)
        return None
    binding.EVP_PKEY_CTX_free(context)
    return binding


class NativeKey:
    """An ``EVP_PKEY`` of type SM2 with its pools of prepared contexts. Safe to share between threads.

    The C objects are released when the Python object goes. It cannot be pickled or copied.
    """

    __slots__ = ("__weakref__", "_lib", "_pkey", "_signing", "_verifying")

    def __init__(self, lib: Libcrypto, pkey: int) -> None:
        """Takes over ``pkey``: it is freed here."""
        self._lib = lib
        self._pkey = pkey
        self._signing: deque[int] = deque()
        self._verifying: deque[int] = deque()
        weakref.finalize(self, _release, lib, pkey, self._signing, self._verifying)

    def __repr__(self) -> str:
        return "<NativeKey SM2>"

    def __reduce__(self) -> str | tuple[Any, ...]:
        raise TypeError("a native key cannot be pickled or copied")

    def verify(self, signature: bytes, digest: bytes) -> bool:
        """Does DER ``signature`` fit ``digest`` = e = SM3(Z ‖ M), 32 octets?"""
        lib = self._lib
        context = self._take(self._verifying, lib.EVP_PKEY_verify_init)
        answer = lib.EVP_PKEY_verify(context, signature, len(signature), digest, len(digest))
        self._verifying.append(context)
        if answer != 1:
            lib.ERR_clear_error()
        return bool(answer == 1)

    def sign(self, digest: bytes) -> bytes:
        """DER signature over ``digest`` = e = SM3(Z ‖ M). Raises ``OSError`` if the library refuses."""
        lib = self._lib
        context = self._take(self._signing, lib.EVP_PKEY_sign_init)
        buffer = ctypes.create_string_buffer(_MAX_SIGNATURE)
        size = _S(_MAX_SIGNATURE)
        answer = lib.EVP_PKEY_sign(context, buffer, ctypes.byref(size), digest, len(digest))
        self._signing.append(context)
        if answer != 1:
            lib.ERR_clear_error()
            raise OSError("libcrypto refused to sign")
        return buffer.raw[: size.value]

    def _take(self, pool: deque[int], prepare: Callable[[int], int]) -> int:
        try:
            return pool.pop()
        except IndexError:
            pass
        lib = self._lib
        context: int | None = lib.EVP_PKEY_CTX_new_from_pkey(None, self._pkey, None)
        if not context or prepare(context) != 1:
            lib.EVP_PKEY_CTX_free(context)
            lib.ERR_clear_error()
            raise OSError("libcrypto cannot use this key for this purpose")
        return context

    def public_der(self) -> bytes:
        """SubjectPublicKeyInfo."""
        return bytes(_export(self._lib, self._lib.i2d_PUBKEY, self._pkey))

    def private_der(self) -> bytearray:
        """ECPrivateKey (SEC 1), in the clear: the caller wipes the array after use."""
        return _export(self._lib, self._lib.i2d_PrivateKey, self._pkey)


def _release(lib: Libcrypto, pkey: int, *pools: deque[int]) -> None:
    for pool in pools:
        while pool:
            lib.EVP_PKEY_CTX_free(pool.pop())
    lib.EVP_PKEY_free(pkey)


def _export(lib: Libcrypto, encode: Callable[..., int], pkey: int) -> bytearray:
    size = encode(pkey, None)
    if size <= 0:
        lib.ERR_clear_error()
        raise OSError("libcrypto cannot encode this key")
    buffer = bytearray(size)
    view = (ctypes.c_char * size).from_buffer(buffer)
    encode(pkey, ctypes.byref(_P(ctypes.addressof(view))))
    return buffer


def load_public(lib: Libcrypto, spki: bytes) -> NativeKey | None:
    """The key in a SubjectPublicKeyInfo, or ``None`` if libcrypto does not take it as an SM2 key."""
    view = ctypes.create_string_buffer(spki, len(spki))
    pkey = lib.d2i_PUBKEY(None, ctypes.byref(_P(ctypes.addressof(view))), len(spki))
    return _adopt(lib, pkey)


def load_private(lib: Libcrypto, der: bytearray) -> NativeKey | None:
    """The key in a PKCS#8 or SEC 1 structure, or ``None`` if it is not an SM2 key."""
    view = (ctypes.c_char * len(der)).from_buffer(der)
    pkey = lib.d2i_AutoPrivateKey(None, ctypes.byref(_P(ctypes.addressof(view))), len(der))
    return _adopt(lib, pkey)


def generate(lib: Libcrypto) -> NativeKey:
    """A fresh SM2 key from libcrypto's own random source. Raises ``OSError`` if it cannot."""
    context = lib.EVP_PKEY_CTX_new_from_name(None, b"SM2", None)
    pkey = _P()
    made = lib.EVP_PKEY_keygen_init(context) == 1 and lib.EVP_PKEY_generate(context, ctypes.byref(pkey)) == 1
    lib.EVP_PKEY_CTX_free(context)
    if not made or not pkey.value:
        lib.ERR_clear_error()
        raise OSError("libcrypto cannot make an SM2 key")
    return NativeKey(lib, pkey.value)


def _adopt(lib: Libcrypto, pkey: int | None) -> NativeKey | None:
    if not pkey:
        lib.ERR_clear_error()
        return None
    if lib.EVP_PKEY_is_a(pkey, b"SM2") != 1:
        lib.EVP_PKEY_free(pkey)
        return None
    return NativeKey(lib, pkey)
