"""Forged, replayed, stale, mis-scoped and purpose-less requests: each refused, each with its own code."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.journeys.conftest import TEACHER, Live, serving
from tests.sharing_systems import CONSOLE, ITEM, Draft, System, es256_key, make_system, payload, send, share, sm2_key

OTHER = "nurse-certificate"


@dataclass(frozen=True)
class Place:
    """What every row has at hand."""

    live: Live
    client: httpx.Client
    system: System
    es256: System
    other: System
    secret: tuple[str, str]
    licence_id: str
    citizen: str


@pytest.fixture(scope="module")
def live(place: Path) -> Iterator[Live]:
    with serving(place, public_rate=0, mtls_header="X-Client-Certificate") as one:
        yield one


@pytest.fixture(scope="module")
def here(live: Live) -> Iterator[Place]:
    desk = live.services.desk
    record = next(iter(live.services.catalogue.get(TEACHER).example_records(1, 501)))
    issued = live.services.issue(TEACHER, record, CONSOLE, "sharing-refusals")
    with live.client() as client:
        system = make_system(desk).signed_in(client)
        es256 = make_system(desk, "es256").signed_in(client)
        other = make_system(desk).signed_in(client)
        share(desk, system, TEACHER)
        share(desk, es256, TEACHER)
        secret = desk.callers.add_secret(system.id, CONSOLE)
        yield Place(live, client, system, es256, other, secret, issued.licence_id, record["citizen_number"])


def right(here: Place, system: System | None = None, **changed: Any) -> Draft:
    """A request nothing is wrong with."""
    asker = system or here.system
    return Draft(asker, "licence", {"purpose": asker.purpose(), "licence_id": here.licence_id}, **changed)


def purposeless(**changed: object) -> Callable[[Place], Draft]:
    return lambda here: Draft(
        here.system, "licence", {"purpose": here.system.purpose(**changed), "licence_id": here.licence_id}
    )


def asked(operation: str, **parameters: object) -> Callable[[Place], Draft]:
    return lambda here: Draft(here.system, operation, {"purpose": here.system.purpose(), **parameters})


def body(value: object) -> Callable[[Place], Draft]:
    return lambda here: Draft(here.system, "licence", value)


After = Callable[[Draft, dict[str, str]], None]


def put(name: str, value: str) -> After:
    return lambda draft, headers: headers.__setitem__(name, value)


def drop(name: str) -> After:
    return lambda draft, headers: headers.pop(name)


def swap(name: str, old: str, new: str) -> After:
    def change(draft: Draft, headers: dict[str, str]) -> None:
        assert old in headers[name]
        headers[name] = headers[name].replace(old, new)

    return change


def parameter(name: str) -> After:
    """Take a parameter out of Signature-Input."""

    def change(draft: Draft, headers: dict[str, str]) -> None:
        parts = headers["Signature-Input"].split(";")
        headers["Signature-Input"] = ";".join(one for one in parts if not one.startswith(f"{name}="))

    return change


def other_body(draft: Draft, headers: dict[str, str]) -> None:
    draft.body = {**draft.body, "licence_id": "1.2.3"}


def other_digest_too(draft: Draft, headers: dict[str, str]) -> None:
    """The body and its digest are exchanged together; the signature is not."""
    fresh = replace(draft, body={**draft.body, "x": "y"}, headers={})
    headers["Content-Digest"] = fresh.signed()["Content-Digest"]
    draft.body = fresh.body


def now() -> datetime:
    return datetime.now(UTC)


def stolen_token(here: Place) -> Draft:
    return right(here, token=here.other.token)


def with_suspended(here: Place) -> Draft:
    system = make_system(here.live.services.desk).signed_in(here.client)
    here.live.services.desk.callers.suspend(system.id, CONSOLE, "test")
    return right(here, system)


def with_ended(here: Place) -> Draft:
    system = make_system(here.live.services.desk).signed_in(here.client)
    here.live.services.desk.callers.end(system.id, CONSOLE, "test")
    return right(here, system)


def with_ended_key(here: Place) -> Draft:
    system = make_system(here.live.services.desk).signed_in(here.client)
    here.live.services.desk.callers.end_key(system.key_id, CONSOLE)
    return right(here, system)


def with_expired_token(here: Place) -> Draft:
    from sqlalchemy import update

    from licence_store.sharing.models import SharingToken

    system = make_system(here.live.services.desk).signed_in(here.client)
    with here.live.services.desk.sessions.begin() as session:
        changed = update(SharingToken).where(SharingToken.client_id == system.id)
        session.execute(changed.values(expires=now() - timedelta(seconds=1)))
    return right(here, system)


def with_certificate(stated: str) -> Callable[[Place], Draft]:
    def make(here: Place) -> Draft:
        system = make_system(here.live.services.desk, certificate="ab" * 32).signed_in(here.client)
        return right(here, system, headers={"X-Client-Certificate": stated} if stated else {})

    return make


def scoped(scope: str, operation: str = "licence", **parameters: object) -> Callable[[Place], Draft]:
    def make(here: Place) -> Draft:
        system = here.system.signed_in(here.client, scope)
        given = parameters or {"licence_id": here.licence_id}
        return Draft(system, operation, {"purpose": system.purpose(), **given})

    return make


def applied(decisions: tuple[str, ...] = (), **given: Any) -> Callable[[Place], Draft]:
    """A system whose application came to this."""

    def make(here: Place) -> Draft:
        desk = here.live.services.desk
        system = make_system(desk).signed_in(here.client)
        made = desk.sharing.access.apply(
            system.id, TEACHER, operations=given.get("operations", ("licence",)), items=given.get("items", (ITEM,)),
            basis="b", reason="r", actor=CONSOLE,
        )  # fmt: skip
        for one in decisions:
            until = desk.clock() + timedelta(days=1) if one == "approve" else None
            desk.sharing.access.decide(made.id, one, reason="r", actor=CONSOLE, until=until)
        return right(here, system)

    return make


def expired_application(here: Place) -> Draft:
    from sqlalchemy import insert

    from licence_store.sharing.models import SharingDecision

    draft = applied()(here)
    desk = here.live.services.desk
    [made] = desk.sharing.access.applications(client_id=draft.system.id)
    row = {"application_id": made.id, "decision": "approve", "until": now() - timedelta(days=1), "reason": "r",
           "department_id": made.department, "account": "x", "recorded": now()}  # fmt: skip
    with desk.sessions.begin() as session:
        session.execute(insert(SharingDecision), [row])
    return draft


def closed_type(here: Place) -> Draft:
    desk = here.live.services.desk
    [tier] = [one for one in desk.sharing.access.tiers() if one.type_code == desk.catalogue.get(OTHER).code][:1]
    desk.sharing.access.set_tier(OTHER, tier.department, "closed", "保密", CONSOLE)
    return asked("holder", type=OTHER, holder_code="x")(here)


def over(limit: str) -> Callable[[Place], Draft]:
    def make(here: Place) -> Draft:
        system = make_system(here.live.services.desk, **{limit: 1}).signed_in(here.client)
        assert send(here.client, Draft(system, "catalogue", {"purpose": system.purpose()})).status_code == 200
        return right(here, system)

    return make


def twice(**changed: Any) -> Callable[[Place], Draft]:
    """Sent once before, and taken."""

    def make(here: Place) -> Draft:
        given = {name: value(here) if callable(value) else value for name, value in changed.items()}
        draft = right(here, nonce=secrets.token_urlsafe(24), **given)
        assert send(here.client, draft).status_code == 200
        return draft

    return make


def access_key(**changed: Any) -> Callable[[Place], Draft]:
    return lambda here: right(here, token=None, secret=here.secret, **changed)


SIGNED: tuple[tuple[str, Callable[[Place], Draft], After | None, int, str], ...] = (
    # Not signed, or not so that it can be read
    ("no signature", right, drop("Signature"), 401, "signature.missing"),
    ("input unreadable", right, put("Signature-Input", "s=(((("), 401, "signature.malformed"),
    ("value unreadable", right, put("Signature", "s=nothing!"), 401, "signature.value_malformed"),
    ("two signatures", right, swap("Signature", "s=", "t=:AAAA:, s="), 401, "signature.labels"),
    ("unknown component", right, swap("Signature-Input", '"@path"', '"@path" "@status"'), 401, "signature.component"),
    ("component twice", right, swap("Signature-Input", '"@path"', '"@path" "@path"'), 401, "signature.component_twice"),
    # Not covering what it must
    ("method free", right, swap("Signature-Input", '"@method" ', ""), 401, "signature.uncovered_method"),
    ("path free", right, swap("Signature-Input", ' "@path"', ""), 401, "signature.uncovered_path"),
    ("digest free", right, swap("Signature-Input", ' "content-digest"', ""), 401, "signature.uncovered_content_digest"),
    ("token free", right, swap("Signature-Input", ' "authorization"', ""), 401, "signature.uncovered_authorization"),
    ("query added", right, lambda draft, headers: setattr(draft, "query", "x=1"), 401, "signature.uncovered_query"),
    ("no created", right, parameter("created"), 401, "signature.no_created"),
    ("no nonce", right, parameter("nonce"), 401, "signature.no_nonce"),
    ("no keyid", right, parameter("keyid"), 401, "signature.no_keyid"),
    ("no tag", right, parameter("tag"), 401, "signature.no_tag"),
    # For somebody else, at another time
    ("for another region", lambda h: right(h, region="110000"), None, 401, "signature.tag"),
    ("short nonce", lambda h: right(h, nonce="short"), None, 401, "signature.nonce"),
    ("stale", lambda h: right(h, now=now() - timedelta(seconds=302)), None, 401, "signature.stale"),
    ("future", lambda h: right(h, now=now() + timedelta(seconds=120)), None, 401, "signature.future"),
    ("expired", right, swap("Signature-Input", ";nonce", ";expires=1;nonce"), 401, "signature.expired"),
    ("replayed", twice(), None, 401, "signature.replayed"),
    # Forged
    ("other body", right, other_body, 401, "digest.mismatch"),
    ("other body and digest", right, other_digest_too, 401, "signature.invalid"),
    ("no digest", right, drop("Content-Digest"), 401, "digest.missing"),
    ("digest unreadable", right, put("Content-Digest", "sha-256=abc"), 401, "digest.malformed"),
    ("digest of no use", right, put("Content-Digest", "md5=:AAAA:"), 401, "digest.algorithm"),
    ("wrong label", lambda h: right(h, algorithm="ecdsa-p256-sha256"), None, 401, "signature.algorithm"),
    ("unknown key", lambda h: right(h, key_id="nobody-knows-it"), None, 401, "signature.key_unknown"),
    ("ended key", with_ended_key, None, 401, "signature.key_unknown"),
    ("stolen token", stolen_token, None, 401, "signature.other_client"),
    # Tokens
    ("no token", lambda h: right(h, token=None), None, 401, "sharing.token_missing"),
    ("staff token", lambda h: right(h, token="lt_whatever"), None, 401, "sharing.token_kind"),
    ("invented token", lambda h: right(h, token="st_invented"), None, 401, "sharing.token_unknown"),
    ("old token", with_expired_token, None, 401, "sharing.token_expired"),
    ("suspended", with_suspended, None, 403, "sharing.client_suspended"),
    ("ended", with_ended, None, 403, "sharing.client_ended"),
    ("no certificate", with_certificate(""), None, 401, "sharing.mtls_missing"),
    ("other certificate", with_certificate("cd" * 32), None, 401, "sharing.mtls_differs"),
    # AK/SK
    ("AK and signature", access_key(headers={"Authorization": "Bearer x"}), None, 401, "access_key.mixed"),
    ("AK alone", access_key(), drop("X-LT-Signature"), 401, "access_key.no_signature"),
    ("AK without time", access_key(), drop("X-LT-Timestamp"), 401, "access_key.no_timestamp"),
    ("AK without nonce", access_key(), drop("X-LT-Nonce"), 401, "access_key.no_nonce"),
    ("AK without name", access_key(), drop("X-LT-Access-Key"), 401, "access_key.no_access_key"),
    ("AK at no time", access_key(), put("X-LT-Timestamp", "yesterday"), 401, "access_key.timestamp"),
    ("AK stale", access_key(now=datetime(2020, 1, 1, tzinfo=UTC)), None, 401, "access_key.stale"),
    ("AK ahead", lambda h: access_key(now=now() + timedelta(hours=1))(h), None, 401, "access_key.future"),
    ("AK short nonce", access_key(nonce="x"), None, 401, "access_key.nonce"),
    ("AK odd value", access_key(), put("X-LT-Signature", "xyz"), 401, "access_key.signature_malformed"),
    ("AK unknown", access_key(), put("X-LT-Access-Key", "ak-unknown"), 401, "access_key.key_unknown"),
    ("AK other body", access_key(), other_body, 401, "access_key.invalid"),
    ("AK replayed", twice(token=None, secret=lambda h: h.secret), None, 401, "access_key.replayed"),
    # Nothing is said of why
    ("no purpose", body({"licence_id": "1.2.3"}), None, 422, "sharing.purpose_missing"),
    ("odd purpose", body({"purpose": "because", "licence_id": "x"}), None, 422, "sharing.purpose_malformed"),
    ("no system", purposeless(system=None), None, 422, "sharing.purpose_no_system"),
    ("no item", purposeless(service_item=" "), None, 422, "sharing.purpose_no_service_item"),
    ("no material", purposeless(material="无"), None, 422, "sharing.purpose_no_material"),
    ("no case", purposeless(case_number="-"), None, 422, "sharing.purpose_no_case_number"),
    ("no basis", purposeless(basis="n/a"), None, 422, "sharing.purpose_no_basis"),
    ("in another's name", purposeless(system="sys-other"), None, 422, "sharing.purpose_other_system"),
    # Wider than it may
    ("other operation", scoped("op:check"), None, 403, "sharing.scope_operation"),
    ("other type", scoped(f"type:{OTHER}"), None, 403, "sharing.scope_type"),
    ("other region", scoped("region:110000"), None, 403, "sharing.scope_region"),
    ("never applied", lambda h: right(h, h.other), None, 403, "sharing.access_none"),
    ("not decided", applied(), None, 403, "sharing.access_requested"),
    ("refused", applied(("refuse",)), None, 403, "sharing.access_refused"),
    ("taken back", applied(("approve", "end")), None, 403, "sharing.access_ended"),
    ("withdrawn", applied(("withdraw",)), None, 403, "sharing.access_withdrawn"),
    ("run out", expired_application, None, 403, "sharing.access_expired"),
    ("other act", applied(("approve",), operations=("check",)), None, 403, "sharing.access_operation"),
    ("other matter", applied(("approve",), items=("别的事项",)), None, 403, "sharing.access_item"),
    ("not shared", closed_type, None, 403, "sharing.access_closed"),
    ("too fast", over("rate"), None, 429, "sharing.rate"),
    ("too much", over("quota"), None, 429, "sharing.quota"),
    # Questions that are none
    ("no object", body(["x"]), None, 400, "sharing.body"),
    ("named twice", body(b'{"purpose": {}, "purpose": {}}'), None, 400, "sharing.body"),
    ("unknown parameter", asked("licence", licence="x"), None, 422, "sharing.parameter_unknown"),
    ("parameter missing", asked("holder", type=TEACHER), None, 422, "sharing.parameter_missing"),
    ("parameter of no use", asked("batch", type=TEACHER, limit="many"), None, 422, "sharing.parameter"),
    ("code without id", asked("qr", qr="https://example.test/x"), None, 422, "sharing.qr"),
    ("form", lambda h: right(h, headers={"Content-Type": "text/plain"}), None, 415, "request.media_type"),
)  # fmt: skip


@pytest.mark.parametrize(("name", "make", "after", "status", "code"), SIGNED, ids=[one[0] for one in SIGNED])
def test_refused(
    here: Place, name: str, make: Callable[[Place], Draft], after: After | None, status: int, code: str
) -> None:
    answer = send(here.client, make(here), after)
    told = answer.json()
    assert (answer.status_code, told["code"]) == (status, code), told
    assert told["detail"]
    assert told["remedy"]
    log = here.live.services.desk.sharing.log
    [newest], _ = log.page(limit=1)
    assert newest.result == code
    assert not newest.answer


def test_there_are_enough_and_each_code_says_one_thing() -> None:
    codes = {one[-1] for one in (*SIGNED, *ASSERTED)}
    assert len(codes) >= 60
    assert len(SIGNED) + len(ASSERTED) - len(codes) <= 3


def test_what_nothing_is_wrong_with_is_answered(here: Place) -> None:
    for draft in (right(here), right(here, here.es256), right(here, digest="x-sm3"), access_key()(here)):
        answer = send(here.client, draft)
        assert payload(answer)["outcome"] == "FOUND"
        assert "q=600;w=60" in answer.headers["RateLimit-Policy"]
        assert "r=" in answer.headers["RateLimit"]


def test_the_sixty_seconds_a_clock_may_be_ahead(here: Place) -> None:
    assert send(here.client, right(here, now=now() + timedelta(seconds=30))).status_code == 200


def test_a_stated_tls_certificate_is_enough(here: Place) -> None:
    system = make_system(here.live.services.desk, certificate="ab" * 32).signed_in(here.client)
    share(here.live.services.desk, system, TEACHER)
    stated = ":".join(["AB"] * 32)
    assert send(here.client, right(here, system, headers={"X-Client-Certificate": stated})).status_code == 200


# ---------------------------------------------------------------- asking for a token


def claims(**changed: Any) -> Callable[[Place], dict[str, str]]:
    return lambda here: here.system.form(here.system.assertion(**changed))


def raw(
    header: dict[str, Any] | None = None, stated: dict[str, Any] | None = None
) -> Callable[[Place], dict[str, str]]:
    """An assertion with this header and these claims, signed by the right key."""

    def make(here: Place) -> dict[str, str]:
        import base64

        def part(value: object) -> str:
            return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

        system, start = here.system, int(now().timestamp())
        first = {"alg": "x-sm2-sm3", "kid": system.key_id, "typ": "JWT", **(header or {})}
        second = {"iss": system.id, "sub": system.id, "aud": f"urn:licence-trust:region:{system.region}",
                  "iat": start, "exp": start + 60, "jti": secrets.token_urlsafe(16), **(stated or {})}  # fmt: skip
        signed = f"{part(first)}.{part({n: v for n, v in second.items() if v is not None})}"
        value = base64.urlsafe_b64encode(system.sign(signed.encode())).decode().rstrip("=")
        return system.form(f"{signed}.{value}")

    return make


def same_assertion(here: Place) -> dict[str, str]:
    form = here.system.form()
    assert here.client.post("/api/v1/oauth/token", data=form).status_code == 200
    return form


START = int(now().timestamp())
ASSERTED: tuple[tuple[str, Callable[[Place], dict[str, str]], str, str], ...] = (
    ("no JWT", lambda h: h.system.form("abc"), "invalid_client", "assertion.malformed"),
    ("own key inside", raw({"jwk": {}}), "invalid_client", "assertion.header"),
    ("none", raw({"alg": "none"}), "invalid_client", "assertion.algorithm"),
    ("no kid", raw({"kid": ""}), "invalid_client", "assertion.no_kid"),
    ("unknown key", claims(key_id="nobody"), "invalid_client", "assertion.key_unknown"),
    ("label of another kind", raw({"alg": "ES256"}), "invalid_client", "assertion.key_kind"),
    ("other key", claims(sign=sm2_key()[1]), "invalid_client", "assertion.invalid"),
    ("other issuer", raw(stated={"iss": "sys-x"}), "invalid_client", "assertion.issuer"),
    ("other subject", raw(stated={"sub": "sys-x"}), "invalid_client", "assertion.subject"),
    ("other audience", claims(audience="https://elsewhere"), "invalid_client", "assertion.audience"),
    ("endless", raw(stated={"exp": None}), "invalid_client", "assertion.no_exp"),
    ("expired", raw(stated={"exp": START - 10}), "invalid_client", "assertion.expired"),
    ("too long", raw(stated={"exp": START + 4000}), "invalid_client", "assertion.too_long"),
    ("from tomorrow", raw(stated={"iat": START + 86400}), "invalid_client", "assertion.future"),
    ("no jti", raw(stated={"jti": None}), "invalid_client", "assertion.no_jti"),
    ("replayed", same_assertion, "invalid_client", "assertion.replayed"),
    ("no assertion", lambda h: {"grant_type": "client_credentials"}, "invalid_client", "oauth.client_assertion"),
    ("password", lambda h: {"grant_type": "password"}, "unsupported_grant_type", "oauth.grant_type"),
    ("unknown parameter", lambda h: {**h.system.form(), "x": "y"}, "invalid_request", "oauth.parameter"),
    ("odd scope", lambda h: h.system.form(scope="everything"), "invalid_scope", "oauth.scope_malformed"),
    ("too wide", lambda h: narrow(h).form(scope="op:licence"), "invalid_scope", "oauth.scope_too_wide"),
)  # fmt: skip


def narrow(here: Place) -> System:
    return make_system(here.live.services.desk, operations=("check",))


@pytest.mark.parametrize(("name", "make", "word", "code"), ASSERTED, ids=[one[0] for one in ASSERTED])
def test_no_token(here: Place, name: str, make: Callable[[Place], dict[str, str]], word: str, code: str) -> None:
    answer = here.client.post("/api/v1/oauth/token", data=make(here))
    told = answer.json()
    assert answer.status_code == (401 if word == "invalid_client" else 400), told
    assert (told["error"], told["code"]) == (word, code)
    assert told["error_description"]


def test_a_token_request_is_a_form(here: Place) -> None:
    assert here.client.post("/api/v1/oauth/token", json={}).json()["code"] == "oauth.media_type"
    answer = here.client.post(
        "/api/v1/oauth/token", content=b"\xff", headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert answer.json()["code"] == "oauth.form"


def test_the_es256_key_signs_assertions_too(here: Place) -> None:
    assert here.es256.token.startswith("st_")
    wrong = here.es256.form(here.es256.assertion(sign=es256_key()[1]))
    assert here.client.post("/api/v1/oauth/token", data=wrong).json()["code"] == "assertion.invalid"
