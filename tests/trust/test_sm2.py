"""SM2 and SM3 against published answers (GB/T 32918.5, GB/T 32905), and libcrypto against gmssl."""

from __future__ import annotations

import gc
import random
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from gmssl import sm3 as gmssl_sm3
from gmssl.sm2 import CryptSM2

from keys.software import generate_key
from trust import algorithms, der, libcrypto, sm2
from trust.errors import Malformed, Unavailable

# GB/T 32918.5-2017, Annex A
PRIVATE = "3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8"
POINT = bytes.fromhex(
    "0409F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020"
    "CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13"
)
MESSAGE = b"message digest"
Z = "b2e14c5c79c6df5b85f4fe7ed8db7a262b9da7e07ccb0ea9f4747b8ccda8a4f3"
E = "f0b43e94ba45accaace692ed534382eb17e6ab5a19ce7b31f4486fdfc0d28640"
R = 0xF5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3
S = 0xB1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA
K = "59276E27D506861A16680F3AD9C02DCCEF3CC1FA3CDBE4CE6D54B80DEAC1BC21"

OTHER_IDS = (b"", b"ALICE123@YAHOO.COM", "电子证照".encode(), b"TLSv1.3+GM+Cipher+Suite", b"x" * 8191)


def signature(r: int, s: int) -> bytes:
    return der.tlv(der.SEQUENCE, der.integer(r), der.integer(s))


def gmssl_for(point: bytes, private: str = "") -> CryptSM2:
    """gmssl for this key; the point is set after construction, which strips zeros and fours from some keys."""
    oracle = CryptSM2(private_key=private, public_key="")
    oracle.public_key = point[1:].hex()
    return oracle


@pytest.fixture
def no_libcrypto(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose libcrypto has no SM2."""
    monkeypatch.setattr(libcrypto, "libcrypto", lambda: None)
    sm2._warn_once.cache_clear()
    yield
    sm2._warn_once.cache_clear()


@pytest.mark.parametrize(
    ("message", "digest"),
    [
        (b"", "1ab21d8355cfa17f8e61194831e81a8f22bec8c728fefb747ed035eb5082aa2b"),
        (b"abc", "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"),
        (b"abcd" * 16, "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"),
    ],
)
def test_sm3_known_answers(message: bytes, digest: str) -> None:
    assert algorithms.sm3(message).hex() == digest
    hasher = algorithms.sm3_hasher()
    for octet in message:
        hasher.update(bytes((octet,)))
    assert hasher.finalize().hex() == digest


def test_sm3_agrees_with_gmssl() -> None:
    for size in (1, 55, 56, 57, 63, 64, 65, 119, 120, 300):
        message = secrets.token_bytes(size)
        assert algorithms.sm3(message).hex() == gmssl_sm3.sm3_hash(list(message))


def test_signature_known_answer() -> None:
    key = sm2.load_public_key(POINT)
    assert sm2.identity_digest(POINT).hex() == Z
    assert key.digest(MESSAGE).hex() == E
    assert key.verify(signature(R, S), MESSAGE)
    assert not key.verify(signature(R, S), MESSAGE + b".")
    assert not key.verify(signature(R, S), MESSAGE, user_id=b"1234567812345679")
    assert not key.verify(signature(S, R), MESSAGE)


def test_gmssl_makes_and_accepts_the_known_answer() -> None:
    oracle = gmssl_for(POINT, PRIVATE)
    assert oracle.sign(bytes.fromhex(E), K) == f"{R:064x}{S:064x}"
    assert oracle.verify(f"{R:064x}{S:064x}", bytes.fromhex(E))


def test_private_key_of_the_known_answer_signs() -> None:
    """The standard's private key, loaded into libcrypto, makes signatures that both providers accept."""
    sec1 = der.tlv(
        der.SEQUENCE,
        der.integer(1),
        der.tlv(der.OCTET_STRING, bytes.fromhex(PRIVATE)),
        der.tlv(der.CONTEXT_0, der.oid(algorithms.SM2_CURVE)),
        der.tlv(0xA1, der.tlv(der.BIT_STRING, b"\0" + POINT)),
    )
    lib = libcrypto.libcrypto()
    assert lib is not None
    native = libcrypto.load_private(lib, bytearray(sec1))
    assert native is not None
    made = native.sign(bytes.fromhex(E))
    assert sm2.load_public_key(POINT).verify(made, MESSAGE)
    assert gmssl_for(POINT).verify(sm2.der_to_raw(made).hex(), bytes.fromhex(E))


def test_each_provider_accepts_the_other() -> None:
    for user_id in (sm2.DEFAULT_USER_ID, *OTHER_IDS):
        key, message = generate_key(), secrets.token_bytes(secrets.randbelow(300))
        digest = key.public_key.digest(message, user_id)
        ours = key.sign(message, user_id=user_id)
        assert gmssl_for(key.point).verify(sm2.der_to_raw(ours).hex(), digest)
        assert not gmssl_for(key.point).verify(sm2.der_to_raw(ours).hex(), algorithms.sm3(digest))
    for _ in range(6):
        private = f"{secrets.randbelow(sm2.N - 2) + 1:064x}"
        oracle = gmssl_for(POINT, private)
        point = bytes.fromhex("04" + oracle._kg(int(private, 16), oracle.ecc_table["g"]))
        key2, message = sm2.load_public_key(point), secrets.token_bytes(40)
        theirs = oracle.sign(key2.digest(message), f"{secrets.randbelow(sm2.N - 2) + 1:064x}")
        assert key2.verify(sm2.raw_to_der(bytes.fromhex(theirs)), message)


@pytest.mark.parametrize("user_id", OTHER_IDS)
def test_other_user_ids(user_id: bytes) -> None:
    key = generate_key()
    made = key.sign(MESSAGE, user_id=user_id)
    assert key.public_key.verify(made, MESSAGE, user_id=user_id)
    assert not key.public_key.verify(made, MESSAGE)


def test_user_id_has_a_longest_size() -> None:
    with pytest.raises(Malformed) as caught:
        sm2.load_public_key(POINT).verify(signature(R, S), MESSAGE, user_id=b"x" * 8192)
    assert caught.value.code == "sm2.user_id_too_long"


_R, _S = der.integer(R), der.integer(S)
BAD_SIGNATURES: dict[str, bytes] = {
    "empty": b"",
    "text": b"not a signature",
    "raw r||s": R.to_bytes(32, "big") + S.to_bytes(32, "big"),
    "trailing octet": signature(R, S) + b"\0",
    "truncated": signature(R, S)[:-1],
    "something after s": der.tlv(der.SEQUENCE, _R, _S, b"\x05\0"),
    "only r": der.tlv(der.SEQUENCE, _R),
    "SET for SEQUENCE": b"\x31" + signature(R, S)[1:],
    "long length": b"\x30\x81" + signature(R, S)[1:],
    "indefinite length": b"\x30\x80" + signature(R, S)[2:] + b"\0\0",
    "padded r": der.tlv(der.SEQUENCE, b"\x02\x22\x00" + _R[2:], _S),
    "r without sign octet": der.tlv(der.SEQUENCE, b"\x02\x20" + _R[3:], _S),
    "empty r": der.tlv(der.SEQUENCE, b"\x02\x00", _S),
    "r zero": signature(0, S),
    "s zero": signature(R, 0),
    "r is n": signature(sm2.N, S),
    "s is n": signature(R, sm2.N),
    "r plus n": signature(R + sm2.N, S),
    "s plus n": signature(R, S + sm2.N),
    "r negative": signature(-R, S),
    "r plus s is n": signature(R, sm2.N - R),
    "s is -s": signature(R, sm2.N - S),
    "huge": signature(1 << 20000, S),
}


@pytest.mark.parametrize("name", BAD_SIGNATURES)
def test_bad_signatures_are_refused(name: str) -> None:
    assert sm2.load_public_key(POINT).verify(BAD_SIGNATURES[name], MESSAGE) is False


@pytest.mark.parametrize("name", BAD_SIGNATURES)
def test_bad_signatures_are_refused_by_the_fallback(name: str, no_libcrypto: None) -> None:
    with pytest.warns(RuntimeWarning, match="gmssl"):
        key = sm2.PublicKey(POINT)
    assert key.verify(BAD_SIGNATURES[name], MESSAGE) is False


def test_altered_signatures_never_pass_and_never_raise() -> None:
    key, good, chance = sm2.load_public_key(POINT), signature(R, S), random.Random(20261122)
    for _ in range(300):
        altered = bytearray(good)
        for _ in range(chance.randint(1, 4)):
            altered[chance.randrange(len(altered))] ^= 1 << chance.randrange(8)
        if bytes(altered) != good:
            assert not key.verify(bytes(altered), MESSAGE)


P_BYTES = sm2.P.to_bytes(32, "big")
BAD_POINTS: dict[str, bytes] = {
    "empty": b"",
    "infinity": b"\0",
    "short": POINT[:-1],
    "one octet more": POINT + b"\0",
    "compressed": b"\x03" + POINT[1:33],
    "hybrid": b"\x07" + POINT[1:],
    "off the curve": POINT[:-1] + bytes((POINT[-1] ^ 1,)),
    "zero": b"\x04" + bytes(64),
    "x is p": b"\x04" + P_BYTES + POINT[33:],
    "y is p": b"\x04" + POINT[1:33] + P_BYTES,
    "all ones": b"\x04" + b"\xff" * 64,
}


@pytest.mark.parametrize("name", BAD_POINTS)
def test_bad_points_are_malformed(name: str) -> None:
    with pytest.raises(Malformed) as caught:
        sm2.load_public_key(BAD_POINTS[name])
    assert caught.value.code in ("sm2.bad_point", "sm2.point_not_on_curve")


def test_public_key_is_a_value() -> None:
    assert sm2.PublicKey.from_point(POINT) == sm2.load_public_key(POINT)
    assert len({sm2.PublicKey(POINT), sm2.PublicKey(POINT)}) == 1
    assert sm2.load_public_key(POINT) is sm2.load_public_key(bytes(POINT))


def test_raw_and_der_are_the_same_signature() -> None:
    for r, s in ((1, 1), (R, S), (sm2.N - 1, 127), (128, sm2.N - 1)):
        raw = r.to_bytes(32, "big") + s.to_bytes(32, "big")
        assert sm2.raw_to_der(raw) == signature(r, s)
        assert sm2.der_to_raw(signature(r, s)) == raw
        assert sm2.signature_from_raw(raw) == sm2.signature_from_raw(signature(r, s)) == signature(r, s)
    for wrong in (b"", b"x" * 63, b"x" * 65):
        with pytest.raises(Malformed):
            sm2.raw_to_der(wrong)


def test_libcrypto_is_used_where_it_knows_sm2() -> None:
    assert sm2.provider() == "libcrypto"


def test_fallback_checks_with_a_loud_warning(no_libcrypto: None, caplog: pytest.LogCaptureFixture) -> None:
    assert sm2.provider() == "gmssl"
    with pytest.warns(RuntimeWarning, match="gmssl"):
        key = sm2.PublicKey(POINT)
    assert "gmssl" in caplog.text
    assert key.verify(signature(R, S), MESSAGE)
    assert not key.verify(signature(R, S), MESSAGE + b".")
    assert not key.verify(signature(S, R), MESSAGE)


def test_fallback_does_not_mangle_keys_that_begin_with_zero_or_four(monkeypatch: pytest.MonkeyPatch) -> None:
    """gmssl's constructor strips leading zeros and fours from a key; ours must not reach that code."""
    key = next(k for k in iter(generate_key, None) if k.point[1:].hex().startswith(("04", "40", "00")))
    made = key.sign(MESSAGE)
    monkeypatch.setattr(libcrypto, "libcrypto", lambda: None)
    sm2._warn_once.cache_clear()
    with pytest.warns(RuntimeWarning):
        fallback = sm2.PublicKey(key.point)
    sm2._warn_once.cache_clear()
    assert fallback.verify(made, MESSAGE)


def test_a_machine_that_cannot_sign_says_so(no_libcrypto: None) -> None:
    with pytest.raises(Unavailable) as caught:
        generate_key()
    assert caught.value.code == "keys.no_sm2"
    assert caught.value.message.startswith("本机的 libcrypto") and caught.value.message.count("。") == 1


def test_a_library_that_is_missing_or_old_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    assert libcrypto._try("libcrypto-that-is-not-there.so") is None
    assert libcrypto._try("libc.so.6") is None
    monkeypatch.setattr(libcrypto, "_OLDEST", 0xF0000000)
    assert libcrypto._try("libcrypto.so.3") is None


def test_keys_are_shared_between_threads() -> None:
    key = generate_key()

    def work(number: int) -> bool:
        data = number.to_bytes(4, "big") * 50
        made = key.sign(data)
        return key.public_key.verify(made, data) and not key.public_key.verify(made, data + b"x")

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(200)))


def test_every_c_object_is_released(monkeypatch: pytest.MonkeyPatch) -> None:
    lib: Any = libcrypto.libcrypto()
    calls: list[str] = []

    def count(name: str) -> None:
        original = getattr(lib, name)

        def counted(*arguments: Any) -> Any:
            calls.append(name)
            return original(*arguments)

        monkeypatch.setattr(lib, name, counted)

    gc.collect()  # what other tests left behind is released before anything is counted
    native = libcrypto.generate(lib)
    for name in ("EVP_PKEY_free", "EVP_PKEY_CTX_free", "EVP_PKEY_CTX_new_from_pkey"):
        count(name)
    native.verify(native.sign(bytes(32)), bytes(32))
    native.verify(native.sign(bytes(32)), bytes(32))
    assert calls == ["EVP_PKEY_CTX_new_from_pkey"] * 2  # one for signing, one for checking, kept
    del native
    gc.collect()
    assert sorted(calls[2:]) == ["EVP_PKEY_CTX_free", "EVP_PKEY_CTX_free", "EVP_PKEY_free"]


def test_algorithms_are_allowed_for_a_period() -> None:
    from datetime import UTC, datetime

    now, before = datetime(2026, 1, 1, tzinfo=UTC), datetime(2005, 1, 1, tzinfo=UTC)
    assert algorithms.signature_allowed(algorithms.SM2_WITH_SM3, now)
    assert not algorithms.signature_allowed(algorithms.SM2_WITH_SM3, before)
    assert not algorithms.signature_allowed(algorithms.RSA_WITH_SHA256, now)
    assert algorithms.digest_allowed(algorithms.SHA1, before)
    assert not algorithms.digest_allowed(algorithms.SHA1, now)
    assert algorithms.algorithm_name("1.2.3") == "1.2.3"


@pytest.mark.parametrize("value", [0, 1, 127, 128, 255, 256, -1, -128, -129, 1 << 64, sm2.N])
def test_der_integers_read_back(value: int) -> None:
    from asn1crypto import core

    encoded = der.integer(value)
    assert encoded == core.Integer(value).dump()
    assert der.read_tlv(encoded)[2] == len(encoded)


@pytest.mark.parametrize("dotted", ["1.2.156.10197.1.501", "2.25.125649306510230090844962598959671907617", "2.5.4.3"])
def test_der_oids_read_back(dotted: str) -> None:
    from asn1crypto import core

    assert core.ObjectIdentifier.load(der.oid(dotted)).dotted == dotted


@pytest.mark.parametrize("size", [0, 127, 128, 255, 256, 70000])
def test_der_lengths_read_back(size: int) -> None:
    encoded = der.tlv(der.OCTET_STRING, bytes(size))
    assert der.read_tlv(encoded) == (der.OCTET_STRING, bytes(size), len(encoded))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x30",
        b"\x1f\x01\0",
        b"\x04\x81\x01\0",
        b"\x04\x82\0\x80" + bytes(128),
        b"\x04\x80\0\0",
        b"\x04\x85\1\1\1\1\1",
        b"\x04\x02\0",
    ],
)
def test_der_that_is_not_distinguished_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="element|length|tag"):
        der.read_tlv(data)
