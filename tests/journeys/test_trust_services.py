"""Our authorities as services: lists, certificate status and time stamps, asked by ``openssl`` and by our own clients."""

from __future__ import annotations

import hashlib
import json
import os
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from asn1crypto import cms

from api.cli import run
from keys.authority import SIGNER, CertificateAuthority
from keys.remote import RemoteTimestamper
from keys.requests import build_request
from keys.software import generate_key
from tests.journeys.conftest import Live, make_token, serving
from tests.journeys.test_http import problem
from tests.keys.openssl import DISTID, needs_openssl, openssl, read
from trust.certificates import Certificate, load_certificate
from trust.errors import LicenceTrustError, Unavailable
from trust.fetching import HTTPFetcher
from trust.ocsp import Status, build_ocsp_request, load_ocsp
from trust.revocation import load_crl
from trust.sources import RevocationSources
from trust.timestamp import load_timestamp
from trust.timestamp_protocol import build_timestamp_request, open_timestamp_response

OCSP = {"Content-Type": "application/ocsp-request"}
QUERY = {"Content-Type": "application/timestamp-query"}


@pytest.fixture
def client(live: Live) -> Iterator[httpx.Client]:
    with live.client() as one:
        yield one


def department(live: Live, place: str = "market") -> Certificate:
    codes = {"market": "signer-11990000MB0D0001", "education": "signer-11990000MB0D0002"}
    keyring = live.services.desk.region.keyring
    [name] = [one for one in keyring.names() if one.startswith(codes[place])]
    return keyring.certificate(name)


def issuer(live: Live) -> Certificate:
    return live.services.desk.region.keyring.certificate("issuing-ca")


# Lists


def test_every_authority_publishes_its_list(live: Live, client: httpx.Client) -> None:
    for name in live.services.authorities.names():
        answer = client.get(f"/crls/{name}.crl")
        assert answer.headers["content-type"] == "application/pkix-crl"
        assert load_crl(answer.content).next_update is not None
        assert client.get(f"/crls/{name}.crl", headers={"If-None-Match": answer.headers["etag"]}).status_code == 304
    problem(client.get("/crls/tsa.crl"), 404, "authority.unknown")
    problem(client.get("/crls/..%2Froot.crl"), 404, "")
    assert client.get("/certificates/issuing-ca.cer").content == issuer(live).der


@needs_openssl
def test_openssl_verifies_the_list(live: Live, client: httpx.Client, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(issuer(live).to_pem())
    (tmp_path / "list.crl").write_bytes(client.get("/crls/issuing-ca.crl").content)
    text = read("crl", "-inform", "DER", "-in", tmp_path / "list.crl", "-noout", "-text")
    assert "SM2-with-SM3" in text


# Certificate status


def asked(client: httpx.Client, certificate: Certificate, above: Certificate) -> Status:
    nonce = os.urandom(16)
    answer = client.post("/ocsp", content=build_ocsp_request(certificate, above, nonce=nonce), headers=OCSP)
    assert answer.headers["content-type"] == "application/ocsp-response"
    found = load_ocsp(answer.content)
    assert found.nonce == nonce
    said = found.about(certificate, above)
    assert said is not None
    return said.status


def test_the_status_of_a_certificate_by_post_and_by_get(live: Live, client: httpx.Client) -> None:
    certificate, above = department(live), issuer(live)
    assert asked(client, certificate, above) is Status.GOOD
    request = build_ocsp_request(certificate, above)
    by_get = client.get("/ocsp/" + quote(b64encode(request).decode(), safe=""))
    said = load_ocsp(by_get.content).about(certificate, above)
    assert said is not None
    assert said.status is Status.GOOD
    seal_maker = live.services.desk.region.keyring.certificate("seal-maker")
    seal_ca = live.services.desk.region.keyring.certificate("seal-ca")
    assert asked(client, seal_maker, seal_ca) is Status.GOOD


def test_a_certificate_we_never_issued_is_unknown(live: Live, client: httpx.Client) -> None:
    signer = live.services.desk.region.keyring.signer("issuing-ca")
    now = datetime.now(UTC)
    made = CertificateAuthority(signer).issue(
        {"common_name": "从未登记"}, generate_key().public_key, SIGNER, now, now + timedelta(days=1)
    )
    assert asked(client, made, signer.certificate) is Status.UNKNOWN


@needs_openssl
def test_openssl_asks_for_a_status(live: Live, client: httpx.Client, tmp_path: Path) -> None:
    """It parses our answer; it cannot verify an SM2 signature in one (no way to name the user ID)."""
    (tmp_path / "ca.pem").write_bytes(issuer(live).to_pem())
    (tmp_path / "one.pem").write_bytes(department(live).to_pem())
    host = live.url.removeprefix("http://")
    text = read(
        "ocsp", "-issuer", tmp_path / "ca.pem", "-cert", tmp_path / "one.pem", "-url", f"http://{host}/ocsp",
        "-noverify", "-resp_text",
    )  # fmt: skip
    assert "one.pem: good" in text


def test_what_is_no_request_is_answered_or_refused(client: httpx.Client) -> None:
    assert client.post("/ocsp", content=b"junk", headers=OCSP).content == bytes.fromhex("30030a0101")
    problem(client.post("/ocsp", content=b"junk"), 415, "request.media_type")
    problem(client.get("/ocsp/***"), 400, "ocsp.address")
    problem(client.post("/tsa", content=b"junk"), 415, "request.media_type")
    refused = client.post("/tsa", content=b"junk", headers=QUERY)
    assert refused.status_code == 200
    with pytest.raises(Unavailable) as met:
        open_timestamp_response(refused.content)
    assert met.value.code == "timestamp.refused"


def test_a_revoked_certificate_is_on_the_list_and_in_every_answer_at_once(
    live: Live, client: httpx.Client, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    request, certificate = tmp_path / "r.csr", tmp_path / "r.pem"
    where = ["--dir", str(live.place)]
    subject = ["--subject", "C=CN", "--subject", "CN=待废止"]
    assert run(["keys", "request", "revoked-one", *subject, "--out", str(request), *where]) == 0
    assert run(["trust", "certify", str(request), "--days", "30", "--out", str(certificate), *where]) == 0
    assert run(["keys", "import", "revoked-one", str(certificate), *where]) == 0
    capsys.readouterr()
    made, above = load_certificate(certificate.read_bytes()), issuer(live)
    assert asked(client, made, above) is Status.GOOD
    before = load_crl(client.get("/crls/issuing-ca.crl").content)
    cause = ["--cause", "key_compromise", "--reason", "介质遗失"]
    assert run(["trust", "revoke", f"{made.serial:x}", *cause, *where]) == 0
    assert run(["trust", "revoke", f"{made.serial:x}", *cause, *where]) == 1
    assert "certificate.revoked" in capsys.readouterr().err
    assert asked(client, made, above) is Status.REVOKED
    after = load_crl(client.get("/crls/issuing-ca.crl").content)
    assert after.revoked[made.serial].reason == "keyCompromise"
    assert (after.number or 0) == (before.number or 0) + 1
    assert after.digest in {one.digest for one in live.services.desk.trust().crls}, "the running service knows at once"


def test_a_request_is_taken_over_http_and_its_certificate_revoked(live: Live, client: httpx.Client, token: str) -> None:
    key = generate_key()
    request = build_request({"country_name": "CN", "common_name": "接口签章人"}, key, SIGNER)
    bearer = {"Authorization": f"Bearer {token}"}
    body = {"request": request.to_pem().decode(), "role": "signer", "days": 20, "reason": "新设"}
    made = client.post("/api/v1/certificates", json=body, headers={**bearer, "Idempotency-Key": "csr-1"})
    assert made.status_code == 201, made.text
    again = client.post("/api/v1/certificates", json=body, headers={**bearer, "Idempotency-Key": "csr-1"})
    assert again.content == made.content
    certificate = load_certificate(made.json()["certificate"].encode())
    assert certificate.point == key.public_key.point
    assert asked(client, certificate, issuer(live)) is Status.GOOD
    address = f"/api/v1/certificates/{made.json()['serial']}/revocation"
    gone = client.post(address, json={"cause": "superseded"}, headers={**bearer, "Idempotency-Key": "rev-1"})
    assert gone.json()["revoked"] is True
    assert asked(client, certificate, issuer(live)) is Status.REVOKED
    problem(client.post(address, json={}, headers={**bearer, "Idempotency-Key": "rev-2"}), 409, "certificate.revoked")
    for number, (content, status, code) in enumerate(
        (
            ({**body, "request": "junk"}, 422, "request.malformed"),
            ({**body, "role": "authority"}, 403, "authority.role"),
            ({**body, "days": 0}, 422, "request.invalid"),
        )
    ):
        headers = {**bearer, "Idempotency-Key": f"bad-{number}"}
        problem(client.post("/api/v1/certificates", json=content, headers=headers), status, code)
    headers = {"Authorization": f"Bearer {make_token(live, ('read',))}", "Idempotency-Key": "other"}
    problem(client.post("/api/v1/certificates", json=body, headers=headers), 403, "token.scope")


# Time stamps


def test_a_time_stamp_for_our_own_client(live: Live) -> None:
    fetcher = HTTPFetcher(allow_private=True)
    timestamper = RemoteTimestamper((f"{live.url}/none", f"{live.url}/tsa"), fetcher, live.services.desk.trust)
    before = datetime.now(UTC).replace(microsecond=0)
    token = load_timestamp(timestamper.stamp(b"what is stamped"))
    assert before <= token.gen_time <= datetime.now(UTC) + timedelta(seconds=1)


def test_licences_are_stamped_by_the_authority_that_is_named(live: Live, place: Path, tmp_path: Path) -> None:
    """Where none answers, licences wait and nothing is lost."""

    record = next(live.services.catalogue.get("teacher-certificate").example_records(1, 951))
    with serving(place, public_rate=0, timestamp_urls=f"{live.url}/tsa") as other:
        issued = other.services.issue("teacher-certificate", record, other.services.actor(None), "stamped")
        file = other.services.register.file(other.services.register.find(issued.licence_id))
        assert str(live.services.verifier().verify(file).indication) == "TOTAL-PASSED"
    text = live.services.measures().decode()
    assert 'licence_trust_service_answers_total{service="timestamp"}' in text
    record = next(live.services.catalogue.get("teacher-certificate").example_records(1, 952))
    with serving(place, public_rate=0, timestamp_urls="http://127.0.0.1:9/") as other:
        with pytest.raises(LicenceTrustError) as met:
            other.services.issue("teacher-certificate", record, other.services.actor(None), "waiting")
        assert isinstance(met.value, Unavailable)
    assert live.services.issue("teacher-certificate", record, live.services.actor(None), "waiting").created


@needs_openssl
def test_openssl_reads_and_verifies_the_stamp(live: Live, client: httpx.Client, tmp_path: Path) -> None:
    """``ts`` makes the request and reads the answer; it gives SM2 no user ID, so ``dgst`` checks the signature."""
    data = tmp_path / "data"
    data.write_bytes(b"to be stamped")
    openssl("ts", "-query", "-data", data, "-sm3", "-cert", "-out", tmp_path / "q.tsq")
    answer = client.post("/tsa", content=(tmp_path / "q.tsq").read_bytes(), headers=QUERY)
    assert answer.headers["content-type"] == "application/timestamp-reply"
    (tmp_path / "r.tsr").write_bytes(answer.content)
    text = read("ts", "-reply", "-in", tmp_path / "r.tsr", "-text")
    assert "Status: Granted." in text
    assert "Hash Algorithm: sm3" in text
    token = open_timestamp_response(answer.content)
    assert load_timestamp(token).imprint == hashlib.new("sm3", b"to be stamped").digest()
    signed = cms.ContentInfo.load(token, strict=True)["content"]
    [info] = signed["signer_infos"]
    digest = next(one["values"][0].native for one in info["signed_attrs"] if one["type"].native == "message_digest")
    assert digest == hashlib.new("sm3", bytes(signed["encap_content_info"]["content"])).digest()
    (tmp_path / "attributes").write_bytes(info["signed_attrs"].untag().dump(force=True))
    (tmp_path / "signature").write_bytes(info["signature"].native)
    (tmp_path / "tsa.cer").write_bytes(signed["certificates"][0].chosen.dump())
    public = read("x509", "-inform", "DER", "-in", tmp_path / "tsa.cer", "-noout", "-pubkey")
    (tmp_path / "public.pem").write_text(public, "ascii")
    check = ("-sigopt", DISTID, "-verify", tmp_path / "public.pem", "-signature", tmp_path / "signature")
    assert "Verified OK" in read("dgst", "-sm3", *check, tmp_path / "attributes")
    (tmp_path / "attributes").write_bytes(b"other")
    assert "Verified OK" not in read("dgst", "-sm3", *check, tmp_path / "attributes", expect=1)


def test_the_policy_of_our_authority_is_a_setting(live: Live, place: Path) -> None:
    with serving(place, public_rate=0, timestamp_policy="1.2.156.99999.7") as other, other.client() as client:
        query = build_timestamp_request(bytes(32), nonce=7)
        answer = client.post("/tsa", content=query, headers=QUERY)
        assert load_timestamp(open_timestamp_response(answer.content)).policy == "1.2.156.99999.7"


# Sources that certificates name


def test_sources_that_certificates_name_are_asked_and_their_silence_is_said(live: Live, client: httpx.Client) -> None:
    region, services = live.services.desk.region, live.services
    signer, now = region.keyring.signer("issuing-ca"), datetime.now(UTC)
    named = CertificateAuthority(signer).issue(
        {"common_name": "写明地址"}, generate_key().public_key, SIGNER, now, now + timedelta(days=1),
        crl_urls=(f"{live.url}/crls/issuing-ca.crl",), ocsp_urls=(f"{live.url}/ocsp",),
    )  # fmt: skip
    sources = RevocationSources(HTTPFetcher(allow_private=True), services.clock)
    store = sources.current(services.desk.trust(), (named,))
    assert store.ocsp
    assert not sources.silent()
    lost = CertificateAuthority(signer).issue(
        {"common_name": "地址无人应答"}, generate_key().public_key, SIGNER, now, now + timedelta(days=1),
        crl_urls=("http://127.0.0.1:9/x.crl",),
    )  # fmt: skip
    services.sources.current(services.desk.trust(), (lost,))
    ready = client.get("/readyz")
    assert ready.status_code == 503
    [part] = [one for one in ready.json()["checks"] if one["part"] == "sources"]
    assert part["ready"] is False
    assert "127.0.0.1:9" in part["detail"]
    assert "licence_trust_revocation_sources_silent 1.0" in client.get("/metrics").text
    services.sources._kept.clear()


def test_readiness_says_what_ends_soon(place: Path) -> None:
    from api.settings import load_settings
    from api.wiring import Services, build
    from licence_store.desk import Desk

    with build(load_settings({}, dir=place)) as services:
        now = services.clock()
        desk = services.desk
        for days, ready in ((0, True), (29, True), (365 * 20, False)):
            later = Services(
                services.settings,
                Desk(desk.settings, desk.region, desk.sessions, lambda days=days: now + timedelta(days=days)),
            )
            later.desk.trust._looked = float("inf")  # type: ignore[attr-defined]
            [part] = [one for one in later.readiness() if one.name == "certificates"]
            assert part.ready is ready
            assert bool(part.warnings) is (days > 0)


def test_metrics_name_what_ends_and_who_keeps_the_keys(client: httpx.Client) -> None:
    text = client.get("/metrics").text
    assert 'licence_trust_custodian_present{custodian="file"} 1.0' in text
    assert json.loads(client.get("/readyz").text)["status"] in ("ok", "unavailable")


def test_a_custodian_that_is_away_is_said_and_licences_wait(live: Live, place: Path, tmp_path: Path) -> None:
    import shutil

    twin = Path(shutil.copytree(place, tmp_path / "twin"))
    record = next(live.services.catalogue.get("teacher-certificate").example_records(1, 971))
    with serving(twin, public_rate=0) as other, other.client() as client:
        (twin / "keys").rename(twin / "keys.away")
        ready = client.get("/readyz")
        assert ready.status_code == 503
        assert "keys" in {one["part"] for one in ready.json()["checks"] if not one["ready"]}
        assert (
            client.post("/tsa", content=build_timestamp_request(bytes(32), nonce=1), headers=QUERY).status_code >= 400
        )
        assert client.get("/crls/issuing-ca.crl").status_code == 200
        with pytest.raises(LicenceTrustError):
            other.services.issue("teacher-certificate", record, other.services.actor(None), "away")
        (twin / "keys.away").rename(twin / "keys")
        assert client.get("/readyz").status_code == 200
        assert other.services.issue("teacher-certificate", record, other.services.actor(None), "away").created
