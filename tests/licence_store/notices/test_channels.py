"""通知渠道: encryption and passwords of mail, and where webhooks may not lead; without a register."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from licence_store.notices.addresses import NoticeSettings
from licence_store.notices.channels import Outgoing, SMTPChannel, WebhookChannel, channels, signatures
from licence_store.notices.texts import KINDS, Text, text_of
from tests.smtp_server import mail_server
from tests.trust.http_server import Answer, running_server
from trust.errors import Refused, Unavailable

NOW = datetime(2026, 11, 22, tzinfo=UTC)
FACTS = {
    "licence_id": "1.2.156", "number": "N-1", "type": "护士执业证书", "type_en": "Nurse certificate", "issuer": "卫生厅",
    "ends": "2027-01-01", "days": "40", "year": "2027", "opens": "2027-01-01", "closes": "2027-05-31",
    "dispute": "D-1", "deadline": "2027-02-01", "event_id": "990000-1", "change": "revoke", "reason": "不清", "next": "重拍", "count": "1", "purpose": "落户",
}  # fmt: skip


def outgoing(address: str, secret: str = "whsec_c2VjcmV0", heading: str = "标题") -> Outgoing:
    return Outgoing("d-0", address, "licence.expiring", Text(heading, "正文\n.\n"), FACTS, NOW, NOW, (secret,))


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context, and a client's that believes it."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    (folder / "cert.pem").write_bytes(pem)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "key.pem").write_bytes(private)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(str(Path(folder / "cert.pem")), str(Path(folder / "key.pem")))
    return server, ssl.create_default_context(cadata=pem.decode())


def test_mail_over_starttls_with_a_password(tls: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    server, client = tls
    with mail_server(server) as mail:
        settings = NoticeSettings(f"smtp://user:p%40ss@localhost:{mail.port}", "from@example.cn", timeout=5)
        SMTPChannel(settings, client).send(outgoing("to@example.cn"))
        assert mail.logins == ["\0user\0p@ss"]
        [message] = mail.messages
        assert message["Subject"] == "标题"
        assert message["Message-ID"] == "<d-0@example.cn>"
        assert message.get_content().splitlines() == ["正文", "."]
        assert mail.recipients == ["to@example.cn"]


def test_mail_is_not_sent_where_the_certificate_is_not_believed(tls: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    with mail_server(tls[0]) as mail:
        settings = NoticeSettings(f"smtp://user:secret@localhost:{mail.port}", "from@example.cn", timeout=5)
        with pytest.raises(Unavailable) as caught:
            SMTPChannel(settings).send(outgoing("to@example.cn"))
        assert caught.value.code == "notice.smtp"
        assert "secret" not in str(caught.value)
        assert mail.messages == mail.logins == []


def test_mail_without_encryption_only_where_the_operator_says_so() -> None:
    with mail_server() as mail:
        with pytest.raises(Unavailable):  # STARTTLS is not offered
            SMTPChannel(NoticeSettings(f"smtp://localhost:{mail.port}", "a@b.cn", timeout=5)).send(outgoing("c@d.cn"))
        assert mail.messages == []
        plain = NoticeSettings(f"smtp://localhost:{mail.port}?tls=none", "a@b.cn", timeout=5)
        SMTPChannel(plain).send(outgoing("c@d.cn"))
        assert len(mail.messages) == 1


@pytest.mark.parametrize(
    "settings",
    [NoticeSettings(), NoticeSettings("smtp://localhost:1?tls=none", "a@b.cn"), NoticeSettings("smtp://x.invalid", "")],
)
def test_no_mail_server(settings: NoticeSettings) -> None:
    with pytest.raises(Unavailable):
        SMTPChannel(settings).send(outgoing("c@d.cn"))


def test_a_line_break_never_becomes_a_header() -> None:
    with mail_server() as mail:
        plain = NoticeSettings(f"smtp://localhost:{mail.port}?tls=none", "a@b.cn", timeout=5)
        with pytest.raises(Unavailable):
            SMTPChannel(plain).send(outgoing("c@d.cn", heading="x\r\nBcc: e@f.cn"))
        assert mail.messages == []
    told = text_of("licence.expiring", "holder", {**FACTS, "type": "x\r\nBcc: e@f.cn"}, "zh-CN")
    assert "\n" not in told.heading
    assert "\r" not in told.body


@pytest.mark.parametrize("address", ["http://127.0.0.1:{port}/hook", "http://localhost:{port}/hook"])
def test_webhooks_do_not_lead_into_our_own_network(address: str) -> None:
    with running_server() as server:
        server.answers["/hook"] = Answer(200)
        port = server.url.rpartition(":")[2]
        with pytest.raises(Unavailable) as caught:
            channels(NoticeSettings(timeout=2))["webhook"].send(outgoing(address.format(port=port)))
        assert caught.value.code == "fetch.forbidden"
        assert server.asked == []
        channels(NoticeSettings(timeout=2, private_webhooks=True))["webhook"].send(outgoing(address.format(port=port)))
        assert server.asked == [("POST", "/hook")]


def test_gone_is_for_good_and_away_is_not() -> None:
    class Gone:
        def fetch(self, exchange: object) -> bytes:
            raise Unavailable("fetch.status", "…", status=410)

    class Away:
        def fetch(self, exchange: object) -> bytes:
            raise Unavailable("fetch.timeout", "…")

    with pytest.raises(Refused):
        WebhookChannel(Gone()).send(outgoing("https://example.cn"))
    with pytest.raises(Unavailable):
        WebhookChannel(Away()).send(outgoing("https://example.cn"))


def test_signature_is_that_of_standard_webhooks() -> None:
    """The example of the specification's own libraries."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    found = signatures([secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}')
    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    both = signatures(["whsec_c2VjcmV0", secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}')
    assert both.split(" ")[1] == found and len(both.split(" ")) == 2


@pytest.mark.parametrize(
    ("kind", "party"),
    [(name, party) for name, kind in KINDS.items() for party in ("holder", "department") if getattr(kind, party)],
)
@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_texts_are_filled_in_both_languages(kind: str, party: str, language: str) -> None:
    text = text_of(kind, party, FACTS, language)
    assert "{" not in text.heading + text.body
    assert kind == "licence.changed" or FACTS["number"] in text.body  # events name no licence number
    assert (FACTS["type_en"] in text.heading) is (language == "en")
    assert FACTS["type"] not in text.heading + text.body or language == "zh-CN"
