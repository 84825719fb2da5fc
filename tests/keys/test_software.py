"""Key files: closed to everyone without the passphrase, open to ``openssl`` with it, silent everywhere else."""

from __future__ import annotations

import copy
import logging
import pickle
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from asn1crypto import keys as asn1_keys
from asn1crypto import pem
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from keys.authority import self_signed_root
from keys.signer import Signer
from keys.software import ITERATIONS, KeyCipher, SoftwareKey, SoftwareSigner, generate_key, load_key, save_key, wipe
from tests.keys.openssl import needs_openssl, openssl
from trust import sm2
from trust.errors import LicenceTrustError, Malformed, Refused, Unavailable

PASSPHRASE = "口令 correct horse".encode()
NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture(scope="module")
def key() -> SoftwareKey:
    return generate_key()


@pytest.fixture(scope="module")
def secret(key: SoftwareKey) -> bytes:
    """The private scalar, which must never be seen."""
    sec1 = asn1_keys.ECPrivateKey.load(bytes(key._native.private_der()))
    return int(sec1["private_key"].native).to_bytes(32, "big")


@pytest.mark.parametrize("cipher", list(KeyCipher))
def test_saved_and_loaded(key: SoftwareKey, cipher: KeyCipher) -> None:
    data = save_key(key, PASSPHRASE, cipher=cipher, iterations=1000)
    again = load_key(data, PASSPHRASE)
    assert again.point == key.point
    assert key.public_key.verify(again.sign(b"x"), b"x")
    assert load_key(pem.unarmor(data)[2], PASSPHRASE).point == key.point


def test_default_is_aes_with_many_rounds(key: SoftwareKey) -> None:
    info = asn1_keys.EncryptedPrivateKeyInfo.load(pem.unarmor(save_key(key, PASSPHRASE))[2], strict=True)
    algorithm = info["encryption_algorithm"]
    assert algorithm.kdf == "pbkdf2" and algorithm.kdf_hmac == "sha256" and algorithm.kdf_iterations == ITERATIONS
    assert algorithm.encryption_cipher == "aes" and algorithm.key_length == 32
    assert len(algorithm.kdf_salt) == 16


def test_two_files_of_one_key_differ(key: SoftwareKey) -> None:
    assert save_key(key, PASSPHRASE, iterations=1) != save_key(key, PASSPHRASE, iterations=1)


@needs_openssl
@pytest.mark.parametrize("cipher", list(KeyCipher))
def test_openssl_opens_the_file(key: SoftwareKey, cipher: KeyCipher, tmp_path: Path, secret: bytes) -> None:
    file = tmp_path / "key.pem"
    file.write_bytes(save_key(key, b"secret words", cipher=cipher, iterations=2000))
    text = openssl("pkey", "-in", file, "-passin", "pass:secret words", "-noout", "-text", "-check").decode()
    assert "SM2" in text and "Key is valid" in text
    shown = text.replace(":", "").replace("\n", "").replace(" ", "")
    assert secret.hex() in shown and key.point.hex() in shown


@needs_openssl
def test_openssl_and_we_accept_each_other(key: SoftwareKey, tmp_path: Path) -> None:
    """The command line computes Z itself, from the user ID it is told."""
    file, public, data, made = (tmp_path / name for name in ("key.pem", "public.pem", "data", "signature"))
    file.write_bytes(save_key(key, b"secret", iterations=1000))
    public.write_bytes(pem.armor("PUBLIC KEY", key.public_key.spki))
    data.write_bytes(b"the sealed octets")
    for user_id in ("1234567812345678", "ALICE123@YAHOO.COM"):
        option = f"distid:{user_id}"
        made.write_bytes(key.sign(data.read_bytes(), user_id=user_id.encode()))
        answer = openssl("dgst", "-sm3", "-sigopt", option, "-verify", public, "-signature", made, data)
        assert b"Verified OK" in answer
        theirs = openssl("dgst", "-sm3", "-sigopt", option, "-passin", "pass:secret", "-sign", file, data)
        assert key.public_key.verify(theirs, data.read_bytes(), user_id=user_id.encode())


@needs_openssl
@pytest.mark.parametrize("cipher", ["-aes-256-cbc", "-sm4-cbc"])
def test_we_open_what_openssl_wrote(tmp_path: Path, cipher: str) -> None:
    file = tmp_path / "key.pem"
    openssl("genpkey", "-algorithm", "SM2", cipher, "-pass", "pass:secret", "-out", file)
    key = load_key(file.read_bytes(), b"secret")
    assert key.public_key.verify(key.sign(b"x"), b"x")


def test_wrong_passphrase_is_said_clearly(key: SoftwareKey) -> None:
    data = save_key(key, PASSPHRASE, iterations=1)
    for number in range(600):  # more often than one in 256, so that good padding by chance is met
        with pytest.raises(Refused) as caught:
            load_key(data, b"wrong %d" % number)
        assert caught.value.code == "keys.wrong_passphrase" and "口令" in caught.value.message


def test_an_empty_passphrase_is_refused(key: SoftwareKey) -> None:
    with pytest.raises(Refused) as caught:
        save_key(key, b"")
    assert caught.value.code == "keys.empty_passphrase"


def test_a_key_in_the_clear_is_refused() -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    for form in (PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL):
        with pytest.raises(Refused) as caught:
            load_key(other.private_bytes(Encoding.PEM, form, NoEncryption()), PASSPHRASE)
        assert caught.value.code == "keys.not_encrypted"


def test_a_key_of_another_kind_is_refused() -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    data = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(PASSPHRASE))
    with pytest.raises(LicenceTrustError):
        load_key(data, PASSPHRASE)


def opened(data: bytes) -> bytes | str:
    """The public key in ``data``, or the code of the error."""
    try:
        return load_key(data, PASSPHRASE).point
    except LicenceTrustError as error:
        return error.code


def test_files_that_are_no_key_files(key: SoftwareKey) -> None:
    """Damage is noticed, although CBC does not: what opens at all is the same key."""
    body = pem.unarmor(save_key(key, PASSPHRASE, iterations=1))[2]
    no_end = b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
    for data in (b"", b"text", b"\x30\0", body + b"\0", body[:-1], no_end, b"\xff" * 99):
        with pytest.raises(Malformed) as caught:
            load_key(data, PASSPHRASE)
        assert caught.value.code == "keys.malformed"
    for place in range(len(body)):
        altered = bytearray(body)
        altered[place] ^= 0x41
        assert opened(bytes(altered)) in (key.point, "keys.malformed", "keys.wrong_passphrase")


def test_the_key_shows_itself_nowhere(key: SoftwareKey, secret: bytes, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    certificate = self_signed_root({"common_name": "x"}, key, NOW, NOW + timedelta(days=9))
    signer = SoftwareSigner(certificate, key)
    shown = f"{key!r} {key} {signer!r} {signer} {key._native!r} {key.public_key!r}"
    with pytest.raises(Refused) as caught:
        load_key(save_key(key, PASSPHRASE, iterations=1), b"wrong words")
    shown += repr(caught.value) + repr(caught.value.params) + caplog.text
    for form in (secret.hex(), secret.hex().upper(), str(int.from_bytes(secret, "big")), repr(secret)):
        assert form not in shown
    assert "wrong words" not in shown and PASSPHRASE.decode() not in shown
    assert not hasattr(key, "__dict__") and not hasattr(signer, "private_key")


def test_the_key_cannot_be_pickled_or_copied(key: SoftwareKey) -> None:
    for act in (pickle.dumps, copy.copy, copy.deepcopy):
        for thing in (key, key._native):
            with pytest.raises(TypeError):
                act(thing)


def test_wiped() -> None:
    secret = bytearray(b"secret")
    wipe(secret)
    assert secret == bytes(6)


def test_a_signer_has_the_certificate_of_its_key(key: SoftwareKey) -> None:
    certificate = self_signed_root({"common_name": "演示"}, key, NOW, NOW + timedelta(days=9))
    signer = SoftwareSigner(certificate, key)
    assert isinstance(signer, Signer) and signer.name == "演示"
    assert certificate.public_key.verify(signer.sign(b"data"), b"data")
    with pytest.raises(Refused) as caught:
        SoftwareSigner(certificate, generate_key())
    assert caught.value.code == "keys.certificate_mismatch"


def test_signatures_differ_each_time(key: SoftwareKey) -> None:
    made = {key.sign(b"same") for _ in range(50)}
    assert len(made) == 50 and len({sm2.split_signature(m)[0] for m in made}) == 50


def test_a_library_that_refuses_is_unavailable(key: SoftwareKey, monkeypatch: pytest.MonkeyPatch) -> None:
    lib = key._native._lib
    monkeypatch.setattr(lib, "EVP_PKEY_sign", lambda *_: 0)
    with pytest.raises(Unavailable) as caught:
        key.sign(b"x")
    assert caught.value.code == "keys.unavailable"
