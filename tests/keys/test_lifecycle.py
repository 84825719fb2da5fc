"""A key's life: begun, certified, rotated, backed up, destroyed; and custodians that come and go."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from keys import backup
from keys.authority import ENCRYPTION, SIGNER, TSA, CertificateAuthority
from keys.backup import back_up, restore
from keys.custodian import Custodian, Custodians, parse_reference
from keys.keyring import Keyring
from keys.lifecycle import KeyLifecycle, shred
from keys.requests import build_request
from keys.signer import Signer
from keys.software import SoftwareKey, generate_key
from tests.authority import DAY, MOMENT, YEAR, Authority, make_authority
from tests.keys.openssl import DISTID, needs_openssl, openssl, read
from trust.certificates import Certificate
from trust.errors import LicenceTrustError, NotFound, Unavailable
from trust.journal import Actor
from trust.profiles import Role
from trust.requests import CertificateRequest

ADMIN = Actor("admin")
SUBJECT = {"country_name": "CN", "common_name": "演示省某局"}
NAME = "signer-x"


@dataclass
class Noted:
    """A ``Journal`` that keeps entries in a list."""

    entries: list[dict[str, Any]] = field(default_factory=list)

    def record(self, session: Any = None, **entry: Any) -> None:
        self.entries.append(entry)

    @property
    def actions(self) -> list[str]:
        return [entry["action"] for entry in self.entries]


@pytest.fixture(scope="module")
def authority() -> Authority:
    return make_authority()


@dataclass
class Desk:
    authority: Authority
    ring: Keyring
    journal: Noted
    lifecycle: KeyLifecycle

    def certify(self, request: CertificateRequest, profile: Any = SIGNER, **options: Any) -> Certificate:
        ca = CertificateAuthority(self.authority.issuing_ca)
        begin = options.get("begin", MOMENT - DAY)
        return ca.issue(SUBJECT, request.public_key, profile, begin, begin + YEAR)

    def chain(self, certificate: Certificate) -> bytes:
        return certificate.to_pem() + self.authority.issuing_ca.certificate.to_pem()

    def set_up(self) -> Certificate:
        request = self.lifecycle.begin(NAME, SUBJECT, SIGNER, ADMIN)
        certificate = self.certify(request)
        self.lifecycle.complete(NAME, self.chain(certificate), Role.SIGNER, ADMIN)
        return certificate

    def new(self) -> tuple[SoftwareKey, Certificate]:
        key = generate_key()
        return key, self.certify(build_request(SUBJECT, key))


@pytest.fixture
def desk(authority: Authority, tmp_path: Path) -> Desk:
    ring = Keyring(tmp_path / "keys", lambda: b"secret", iterations=1)
    journal = Noted()
    return Desk(authority, ring, journal, KeyLifecycle(ring, journal, lambda: MOMENT))


def code(act: Callable[[], object]) -> str:
    with pytest.raises(LicenceTrustError) as met:
        act()
    return met.value.code


def works(signer: Signer) -> bool:
    return signer.certificate.public_key.verify(signer.sign(b"x"), b"x")


# ---------------------------------------------------------------- begun and certified


def test_from_request_to_signer(desk: Desk) -> None:
    request = desk.lifecycle.begin(NAME, SUBJECT, SIGNER, ADMIN)
    assert desk.ring.names() == () and desk.lifecycle.pending(NAME) == request
    assert code(lambda: desk.lifecycle.begin(NAME, SUBJECT, SIGNER, ADMIN)) == "keys.pending"
    certificate = desk.certify(request)
    signer = desk.lifecycle.complete(NAME, desk.chain(certificate), Role.SIGNER, ADMIN)
    assert signer.certificate == certificate and works(signer)
    assert desk.ring.names() == (NAME,) and works(Keyring(desk.ring.directory, lambda: b"secret").signer(NAME))
    assert code(lambda: desk.lifecycle.pending(NAME)) == "keys.no_pending"
    assert desk.journal.actions == ["key.begin", "key.complete"]
    assert sorted(p.name for p in desk.ring.directory.iterdir()) == [
        f"{NAME}.cert.pem", f"{NAME}.chain.pem", f"{NAME}.key.pem",
    ]  # fmt: skip
    assert all(p.stat().st_mode & 0o077 == 0 for p in desk.ring.directory.iterdir())


def test_certificates_that_do_not_fit(desk: Desk) -> None:
    request = desk.lifecycle.begin(NAME, SUBJECT, SIGNER, ADMIN)

    def complete(certificate: Certificate, role: Role = Role.SIGNER) -> Callable[[], object]:
        return lambda: desk.lifecycle.complete(NAME, certificate.to_pem(), role, ADMIN)

    assert code(complete(desk.authority.department.certificate)) == "chain.no_match"
    assert code(complete(desk.certify(request, TSA))) == "profile.extended_excludes"
    assert code(complete(desk.certify(request, ENCRYPTION))) == "profile.usage_missing"
    assert code(complete(desk.certify(request, begin=MOMENT + DAY))) == "profile.period"
    assert code(complete(desk.certify(request), Role.TIMESTAMP)) == "profile.extended_usage"
    assert code(lambda: desk.lifecycle.complete(NAME, b"?", Role.SIGNER, ADMIN)) == "chain.malformed"
    assert code(lambda: desk.lifecycle.complete("other", b"?", Role.SIGNER, ADMIN)) == "keys.no_pending"
    assert code(lambda: desk.lifecycle.begin("../x", SUBJECT, SIGNER, ADMIN)) == "keys.bad_name"
    complete(desk.certify(request))()
    assert works(desk.ring.signer(NAME))


def test_abandoned(desk: Desk) -> None:
    desk.lifecycle.begin(NAME, SUBJECT, SIGNER, ADMIN)
    desk.lifecycle.abandon(NAME, ADMIN, "填错主体")
    assert list(desk.ring.directory.iterdir()) == []
    assert desk.journal.entries[-1]["reason"] == "填错主体"


# ---------------------------------------------------------------- rotation


def test_the_present_key_signs_until_the_next_is_certified(desk: Desk) -> None:
    old = desk.set_up()
    request = desk.lifecycle.begin(NAME, SUBJECT, SIGNER, ADMIN)
    assert desk.ring.signer(NAME).certificate == old and works(desk.ring.signer(NAME))
    new = desk.certify(request)
    signer = desk.lifecycle.complete(NAME, desk.chain(new), Role.SIGNER, ADMIN)
    assert signer.certificate == new and works(signer) and desk.ring.signer(NAME) is signer
    [retired] = desk.lifecycle.retired(NAME)
    assert retired.certificate == old and not retired.destroyed
    assert desk.ring.names() == (NAME,)


def test_rotated_at_once(desk: Desk) -> None:
    old = desk.set_up()
    key, certificate = desk.new()
    assert works(desk.lifecycle.rotate(NAME, key, certificate, ADMIN, "年度更换"))
    assert desk.ring.certificate(NAME) == certificate
    assert [r.certificate for r in desk.lifecycle.retired(NAME)] == [old]
    assert desk.journal.entries[-1]["details"]["replaced"] == f"{old.serial:x}"
    assert code(lambda: desk.lifecycle.rotate(NAME, key, certificate, ADMIN, "")) == "keys.same_key"
    assert (
        code(lambda: desk.lifecycle.rotate(NAME, generate_key(), certificate, ADMIN, "")) == "keys.certificate_mismatch"
    )
    assert code(lambda: desk.lifecycle.rotate("nobody", key, certificate, ADMIN, "")) == "keys.unknown"


@pytest.mark.parametrize("stop", range(1, 5))
def test_a_crash_while_changing_keys(desk: Desk, stop: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """After any write that was the last, the same call again ends well, and the old key is not lost."""
    import keys.lifecycle as module

    old = desk.set_up()
    request = desk.lifecycle.begin(NAME, SUBJECT, SIGNER, ADMIN)
    chain = desk.chain(desk.certify(request))
    real, written = module.write_private, []

    def stopping(path: Path, data: bytes) -> None:
        real(path, data)
        written.append(path)
        if len(written) == stop:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, "write_private", stopping)
        with pytest.raises(KeyboardInterrupt):
            desk.lifecycle.complete(NAME, chain, Role.SIGNER, ADMIN)
    again = Keyring(desk.ring.directory, lambda: b"secret", iterations=1)
    lifecycle = KeyLifecycle(again, desk.journal, lambda: MOMENT)
    assert works(lifecycle.complete(NAME, chain, Role.SIGNER, ADMIN))
    [retired] = lifecycle.retired(NAME)
    assert retired.certificate == old
    kept = again.open_key((again.directory / "retired" / f"{NAME}.{old.serial:x}.key.pem").read_bytes())
    assert kept.point == old.point


# ---------------------------------------------------------------- destruction


def test_a_retired_key_is_destroyed(desk: Desk) -> None:
    old = desk.set_up()
    desk.lifecycle.rotate(NAME, *desk.new(), ADMIN, "更换")
    record = json.loads(desk.lifecycle.destroy(NAME, old.serial, ADMIN, "已停用满一年").read_text())
    assert record["account"] == "admin" and record["reason"] == "已停用满一年" and record["serial"] == f"{old.serial:x}"
    [retired] = desk.lifecycle.retired(NAME)
    assert retired.destroyed and retired.certificate == old
    assert desk.journal.actions[-1] == "key.destroy"
    assert works(desk.ring.signer(NAME))
    assert code(lambda: desk.lifecycle.destroy(NAME, old.serial, ADMIN, "又一次")) == "keys.destroyed"
    assert not list(desk.ring.directory.glob(f"retired/*{old.serial:x}*.key.pem"))


def test_the_present_key_is_destroyed(desk: Desk) -> None:
    certificate = desk.set_up()
    desk.ring.signer(NAME)
    assert code(lambda: desk.lifecycle.destroy(NAME, certificate.serial, ADMIN, " ")) == "keys.no_reason"
    assert code(lambda: desk.lifecycle.destroy(NAME, 1, ADMIN, "无此密钥")) == "keys.unknown"
    desk.lifecycle.destroy(NAME, certificate.serial, ADMIN, "单位撤销")
    assert desk.ring.names() == () and code(lambda: desk.ring.signer(NAME)) == "keys.unknown"
    assert [r.destroyed for r in desk.lifecycle.retired(NAME)] == [True]


def test_shredding_writes_over_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "key"
    path.write_bytes(b"secret" * 10)
    other = tmp_path / "same-octets"
    other.hardlink_to(path)
    shred(path)
    assert not path.exists() and b"secret" not in other.read_bytes() and len(other.read_bytes()) == 60
    shred(path)
    monkeypatch.setattr(Path, "unlink", lambda self: (_ for _ in ()).throw(PermissionError()))
    path.write_bytes(b"x")
    assert code(lambda: shred(path)) == "keys.not_destroyed"


# ---------------------------------------------------------------- backup


def test_backed_up_and_restored(desk: Desk, tmp_path: Path) -> None:
    certificate = desk.set_up()
    desk.ring.add("tsa", *desk.new())
    sealed = back_up(desk.ring, b"another secret", MOMENT, iterations=10)
    assert b"PRIVATE" not in sealed and b"another" not in sealed
    elsewhere = Keyring(tmp_path / "elsewhere", lambda: b"third secret", iterations=1)
    assert sorted(restore(sealed, b"another secret", elsewhere)) == [NAME, "tsa"]
    assert works(elsewhere.signer(NAME)) and elsewhere.certificate(NAME) == certificate
    assert code(lambda: restore(sealed, b"another secret", elsewhere)) == "keys.exists"
    one = back_up(desk.ring, b"p", MOMENT, names=["tsa"], iterations=10)
    assert restore(one, b"p", Keyring(tmp_path / "one", lambda: b"x", iterations=1)) == ("tsa",)


def test_backups_that_do_not_open(desk: Desk, tmp_path: Path) -> None:
    desk.set_up()
    sealed = back_up(desk.ring, b"p", MOMENT, iterations=10)
    ring = Keyring(tmp_path / "new", lambda: b"x", iterations=1)
    assert code(lambda: restore(sealed, b"q", ring)) == "keys.backup_passphrase"
    for name, value in (("created", "2020-01-01T00:00:00+00:00"), ("sealed", "AAAA"), ("iterations", 11)):
        changed = json.dumps({**json.loads(sealed), name: value}).encode()
        assert code(lambda changed=changed: restore(changed, b"p", ring)) == "keys.backup_passphrase"
    for odd in (b"", b"[]", b"{}", b"\xff", b"[" * 3000, sealed.replace(b"key-backup/1", b"key-backup/9")):
        assert code(lambda odd=odd: restore(odd, b"p", ring)) == "keys.backup_malformed"
    for name, value in (("nonce", "AAAA"), ("iterations", 10**9), ("iterations", True), ("salt", 7), ("salt", "?")):
        changed = json.dumps({**json.loads(sealed), name: value}).encode()
        assert code(lambda changed=changed: restore(changed, b"p", ring)) == "keys.backup_malformed"
    assert ring.names() == ()
    assert code(lambda: back_up(desk.ring, b"", MOMENT)) == "keys.empty_passphrase"
    assert code(lambda: back_up(ring, b"p", MOMENT)) == "keys.nothing_to_back_up"
    assert code(lambda: back_up(desk.ring, b"p", MOMENT, names=["x"], iterations=1)) == "keys.unknown"


@pytest.mark.parametrize("name", ["../x", "", [1]])
def test_a_backup_with_a_bad_name_puts_no_key_in(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: object
) -> None:
    desk.set_up()
    ring = Keyring(tmp_path / "new", lambda: b"x", iterations=1)
    good = backup._pack(desk.ring, NAME, b"i")
    contents = {"passphrase": "i", "keys": [good, {**good, "name": name}]}
    monkeypatch.setattr(backup, "_open", lambda *_: contents)
    assert code(lambda: restore(b"", b"p", ring)) == "keys.bad_name"
    assert ring.names() == ()


# ---------------------------------------------------------------- custodians


@dataclass
class Machine:
    """A cryptographic machine that can be unplugged."""

    inside: dict[str, Signer]
    plugged: bool = True

    def _look(self) -> None:
        if not self.plugged:
            raise Unavailable("device.away", "密码机没有连接。")

    def names(self) -> tuple[str, ...]:
        self._look()
        return tuple(self.inside)

    def certificate(self, name: str) -> Certificate:
        return self.signer(name).certificate

    def signer(self, name: str) -> Signer:
        self._look()
        if name not in self.inside:
            raise NotFound("keys.unknown", "密钥环中没有“{name}”。", name=name)
        return self.inside[name]


def test_custodians_come_and_go(desk: Desk) -> None:
    desk.set_up()
    machine = Machine({"3": desk.authority.department})
    custodians = Custodians({"file": desk.ring, "sdf": machine})
    assert isinstance(desk.ring, Custodian) and isinstance(machine, Custodian)
    assert (
        works(custodians.signer(NAME))
        and works(custodians.signer(f"file:{NAME}"))
        and works(custodians.signer("sdf:3"))
    )
    waiting = custodians.waiting_signer("sdf:3", desk.authority.department.certificate)
    assert isinstance(waiting, Signer) and waiting.name == "3" and works(waiting)
    assert [(s.name, s.present, s.keys) for s in custodians.states()] == [("file", True, 1), ("sdf", True, 1)]
    machine.plugged = False
    assert code(lambda: custodians.signer("sdf:3")) == "keys.custodian_away"
    assert code(lambda: custodians.certificate("sdf:3")) == "keys.custodian_away"
    assert code(lambda: waiting.sign(b"x")) == "keys.custodian_away"
    assert [(s.name, s.present) for s in custodians.states()] == [("file", True), ("sdf", False)]
    assert "没有连接" in custodians.states()[1].reason
    machine.plugged = True
    assert works(waiting)
    machine.inside["3"] = desk.authority.tsa
    assert code(lambda: waiting.sign(b"x")) == "keys.changed"


def test_references(desk: Desk) -> None:
    custodians = Custodians({"file": desk.ring})
    assert str(parse_reference("signer-1")) == "file:signer-1" and parse_reference("sdf:3").name == "3"
    for odd in ("", ":", "x:", ":x", "a b:c", "x" * 300, "演示:x"):
        assert code(lambda odd=odd: parse_reference(odd)) == "keys.reference"
    assert code(lambda: custodians.signer("sdf:3")) == "keys.no_custodian"
    assert code(lambda: custodians.signer("file:nobody")) == "keys.unknown"


# ---------------------------------------------------------------- the openssl command line


@needs_openssl
def test_openssl_verifies_our_request(tmp_path: Path) -> None:
    """``openssl req -verify``, the user ID named; and it reads the usages asked for."""
    request = build_request(SUBJECT, generate_key(), TSA)
    (tmp_path / "r.csr").write_bytes(request.to_pem())
    text = read("req", "-in", tmp_path / "r.csr", "-verify", "-vfyopt", DISTID, "-noout", "-text", "-nameopt", "utf8")
    assert "verify OK" in text and "Time Stamping" in text and "演示省某局" in text and "SM2-with-SM3" in text


@needs_openssl
def test_a_request_of_openssl_is_read_and_certified(desk: Desk, tmp_path: Path) -> None:
    from trust.requests import check_request, load_request

    openssl("genpkey", "-algorithm", "SM2", "-out", tmp_path / "k.pem")
    openssl("req", "-new", "-key", tmp_path / "k.pem", "-sm3", "-sigopt", DISTID, "-subj", "/C=CN/CN=openssl",
            "-addext", "keyUsage=critical,digitalSignature", "-out", tmp_path / "r.csr")  # fmt: skip
    request = load_request((tmp_path / "r.csr").read_bytes())
    check_request(request)
    assert request.subject == "CN=openssl,C=CN" and request.key_usage == {"digital_signature"}
    certificate = desk.certify(request)
    (tmp_path / "c.pem").write_bytes(certificate.to_pem())
    (tmp_path / "ca.pem").write_bytes(desk.authority.issuing_ca.certificate.to_pem())
    options = (
        "-partial_chain",
        "-CAfile",
        tmp_path / "ca.pem",
        "-vfyopt",
        DISTID,
        "-attime",
        str(int(MOMENT.timestamp())),
    )
    assert "OK" in read("verify", *options, tmp_path / "c.pem")


@needs_openssl
def test_openssl_checks_against_our_list(desk: Desk, tmp_path: Path) -> None:
    """``openssl verify -crl_check`` believes our list as far as it can.

    It cannot check the list's signature: the SM2 user ID named by ``-vfyopt`` is used for certificates only (3.0), so
    the list is refused, revoked or not. The signature is verified by ``openssl dgst`` over the signed octets instead.
    """
    from trust.crl import load_crl

    ca = CertificateAuthority(desk.authority.issuing_ca)
    crl = load_crl(
        ca.crl([(desk.authority.department.certificate.serial, MOMENT, "key_compromise")], MOMENT, MOMENT + DAY, 3)
    )
    (tmp_path / "l.crl").write_bytes(crl.der)
    text = read("crl", "-inform", "DER", "-in", tmp_path / "l.crl", "-noout", "-text")
    assert "Key Compromise" in text and "X509v3 CRL Number" in text
    (tmp_path / "ca.pem").write_bytes(desk.authority.issuing_ca.certificate.to_pem())
    (tmp_path / "key.pem").write_bytes(openssl("x509", "-in", tmp_path / "ca.pem", "-noout", "-pubkey"))
    (tmp_path / "tbs").write_bytes(crl.tbs)
    (tmp_path / "sig").write_bytes(crl.signature)
    options = ("-sm3", "-verify", tmp_path / "key.pem", "-sigopt", DISTID, "-signature", tmp_path / "sig")
    assert b"Verified OK" in openssl("dgst", *options, tmp_path / "tbs")
    (tmp_path / "d.pem").write_bytes(desk.authority.department.certificate.to_pem())
    (tmp_path / "l.pem").write_bytes(openssl("crl", "-inform", "DER", "-in", tmp_path / "l.crl"))
    options = ("-partial_chain", "-crl_check", "-CAfile", tmp_path / "ca.pem", "-CRLfile", tmp_path / "l.pem")
    asked = (*options, "-vfyopt", DISTID, "-attime", str(int(MOMENT.timestamp())), tmp_path / "d.pem")
    said = read("verify", *asked, expect=2)
    assert "CRL signature failure" in said or "certificate revoked" in said
