"""The relying party against providers that lie, tokens that are forged, answers that belong to somebody else."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from api.oidc import RelyingParty
from api.providers import providers_of
from api.registrations import Registration, check_issuer
from api.settings import load_settings
from licence_store.holding.holder import NEVER
from trust.errors import LicenceTrustError, Refused, Unavailable
from trust.fetching import Exchange, HTTPFetcher

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
ISSUER, CLIENT, BACK = "https://id.example.cn", "licence-trust", "https://zz.example.cn/space/sign-in/callback"
KEY = ECKey.generate_key("P-256", {"kid": "one"})
OTHER_KEY = ECKey.generate_key("P-256", {"kid": "one"})
RSA = RSAKey.generate_key(2048, {"kid": "rsa"})
CLAIMS = {"code": "identity_code", "code_type": "identity_code_type", "name": "name", "legal_person": "legal_person"}
LEVELS = {"loa1": 1, "loa2": 2, "loa3": 3}


class LyingProvider:
    """A provider of the tests: says what it is told to say. Implements ``Fetcher``."""

    def __init__(self) -> None:
        self.metadata: Any = {
            "issuer": ISSUER,
            "authorization_endpoint": f"{ISSUER}/authorize",
            "token_endpoint": f"{ISSUER}/token",
            "jwks_uri": f"{ISSUER}/jwks",
        }
        self.keys: Any = {"keys": [KEY.as_dict(private=False), RSA.as_dict(private=False)]}
        self.answer: Any = {}
        self.userinfo: Any = {}
        self.asked: list[Exchange] = []

    def fetch(self, exchange: Exchange) -> bytes:
        self.asked.append(exchange)
        path = urlsplit(exchange.url).path
        found = {"/jwks": self.keys, "/token": self.answer, "/userinfo": self.userinfo}.get(path, self.metadata)
        if isinstance(found, Exception):
            raise found
        return found if isinstance(found, bytes) else json.dumps(found).encode()


@pytest.fixture
def provider() -> LyingProvider:
    return LyingProvider()


@pytest.fixture
def party(provider: LyingProvider) -> RelyingParty:
    registration = Registration(ISSUER, CLIENT, "", "", frozenset({"portal"}), CLAIMS, LEVELS)
    return RelyingParty(registration, lambda _url: provider, lambda: NOW)


def claims(**changed: object) -> dict[str, Any]:
    """A good id token's claims; ``None`` leaves one out."""
    now = int(NOW.timestamp())
    good: dict[str, object] = {
        "iss": ISSUER,
        "sub": "s-1",
        "aud": CLIENT,
        "exp": now + 300,
        "iat": now,
        "auth_time": now,
        "acr": "loa2",
        "nonce": "n",
        "name": "林望舒",
        "identity_code": "990000199001010014",
        "identity_code_type": "111",
    }
    return {name: value for name, value in {**good, **changed}.items() if value is not None}


def signed(key: Any = KEY, header: dict[str, Any] | None = None, **changed: object) -> str:
    head = {"alg": "ES256", "kid": "one", **(header or {})}
    return jwt.encode(head, claims(**changed), key, algorithms=[head["alg"]])


def _unsigned(**changed: object) -> str:
    from joserfc.util import urlsafe_b64encode

    head, body = (urlsafe_b64encode(json.dumps(one).encode()).decode() for one in ({"alg": "none"}, claims(**changed)))
    return f"{head}.{body}."


def _by_public_key(nonce: str) -> str:
    """HS256 with the published key as the secret."""
    return signed(OctKey.import_key(json.dumps(KEY.as_dict(private=False))), {"alg": "HS256"}, nonce=nonce)


def _tampered(nonce: str) -> str:
    head, _, tail = signed(nonce=nonce).split(".")
    return ".".join((head, signed(nonce=nonce, sub="s-2").split(".")[1], tail))


AT = int(NOW.timestamp())
FORGED: dict[str, Callable[[str], object]] = {
    "alg none": lambda n: _unsigned(nonce=n),
    "hmac by the public key": _by_public_key,
    "another key of the same name": lambda n: signed(OTHER_KEY, nonce=n),
    "a key nobody published": lambda n: signed(ECKey.generate_key("P-256"), {"kid": "two"}, nonce=n),
    "ES384": lambda n: signed(ECKey.generate_key("P-384", {"kid": "one"}), {"alg": "ES384"}, nonce=n),
    "PS256": lambda n: signed(RSA, {"alg": "PS256", "kid": "rsa"}, nonce=n),
    "key inside the token": lambda n: signed(OTHER_KEY, {"jwk": OTHER_KEY.as_dict(private=False)}, nonce=n),
    "claims exchanged": _tampered,
    "wrong iss": lambda n: signed(nonce=n, iss="https://evil.example.cn"),
    "iss with a slash more": lambda n: signed(nonce=n, iss=ISSUER + "/"),
    "no iss": lambda n: signed(nonce=n, iss=None),
    "wrong aud": lambda n: signed(nonce=n, aud="somebody-else"),
    "aud of a portal": lambda n: signed(nonce=n, aud="portal"),
    "aud for others too": lambda n: signed(nonce=n, aud=[CLIENT, "evil"], azp=CLIENT),
    "no aud": lambda n: signed(nonce=n, aud=None),
    "empty aud": lambda n: signed(nonce=n, aud=[]),
    "aud is an object": lambda n: signed(nonce=n, aud={"a": CLIENT}),
    "azp is another": lambda n: signed(nonce=n, azp="evil"),
    "wrong nonce": lambda _n: signed(nonce="another"),
    "no nonce": lambda _n: signed(nonce=None),
    "nonce is a list": lambda n: signed(nonce=[n]),
    "expired": lambda n: signed(nonce=n, exp=AT - 61),
    "no exp": lambda n: signed(nonce=n, exp=None),
    "exp is a word": lambda n: signed(nonce=n, exp="tomorrow"),
    "not yet": lambda n: signed(nonce=n, nbf=AT + 120),
    "issued in the future": lambda n: signed(nonce=n, iat=AT + 120),
    "no iat": lambda n: signed(nonce=n, iat=None),
    "no sub": lambda n: signed(nonce=n, sub=None),
    "proved in the future": lambda n: signed(nonce=n, auth_time=AT + 3600),
    "wrong at_hash": lambda n: signed(nonce=n, at_hash="AAAA"),
    "not a token": lambda _n: "a.b.c",
    "empty": lambda _n: "",
    "a number": lambda _n: 7,
    "none at all": lambda _n: None,
    "encrypted": lambda _n: "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA",
    "huge": lambda _n: "a" * 70000 + ".b.c",
    "deep": lambda _n: "e30." + "W1tb" * 5000 + ".x",
}


def test_a_good_answer_is_believed(party: RelyingParty, provider: LyingProvider) -> None:
    url, expected = party.begin(BACK, level=2, again=True, language="en")
    asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    assert asked["code_challenge_method"] == "S256" and asked["response_type"] == "code"
    assert asked["acr_values"] == "loa2 loa3" and (asked["max_age"], asked["prompt"]) == ("0", "login")
    assert asked["state"] == expected.state
    provider.answer = {"access_token": "a", "token_type": "Bearer", "id_token": signed(nonce=expected.nonce)}
    identity = party.complete(expected, "code")
    assert (identity.subject, identity.person.name, identity.assurance) == ("s-1", "林望舒", 2)
    assert identity.proved == NOW
    sent = dict(parse_qsl((provider.asked[-2].body or provider.asked[-1].body or b"").decode()))
    assert (sent["code"], sent["code_verifier"], sent["redirect_uri"]) == ("code", expected.verifier, BACK)


def test_rs256_is_taken_too(party: RelyingParty, provider: LyingProvider) -> None:
    _, expected = party.begin(BACK)
    token = signed(RSA, {"alg": "RS256", "kid": "rsa"}, nonce=expected.nonce)
    provider.answer = {"access_token": "a", "id_token": token}
    assert party.complete(expected, "code").subject == "s-1"


@pytest.mark.parametrize("name", FORGED)
def test_what_is_forged_is_refused(party: RelyingParty, provider: LyingProvider, name: str) -> None:
    _, expected = party.begin(BACK)
    provider.answer = {"access_token": "a", "token_type": "Bearer", "id_token": FORGED[name](expected.nonce)}
    with pytest.raises(Refused) as caught:
        party.complete(expected, "code")
    assert caught.value.code == "holder.token"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"acr": "loa1"}, "holder.level_too_low"),
        ({"acr": "nonsense"}, "holder.level_too_low"),
        ({"acr": None}, "holder.level_too_low"),
        ({"auth_time": AT - 301}, "holder.proof_too_old"),
        ({"auth_time": None}, "holder.proof_too_old"),
        ({"auth_time": True}, "holder.proof_too_old"),
    ],
)
def test_step_up_is_more_than_signing_in(
    party: RelyingParty, provider: LyingProvider, changed: dict[str, Any], code: str
) -> None:
    _, expected = party.begin(BACK, level=2, again=True)
    provider.answer = {"access_token": "a", "id_token": signed(nonce=expected.nonce, **changed)}
    with pytest.raises(Refused) as caught:
        party.complete(expected, "code")
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({"error": "invalid_grant"}, "holder.code_refused"),
        ({"error": "<script>", "error_description": "x"}, "holder.code_refused"),
        (b"<html>", "holder.provider"),
        (b"[]", "holder.provider"),
        (b"\xff\xfe", "holder.provider"),
        (b"[" * 100_000, "holder.provider"),
        (Unavailable("fetch.unreachable", "…"), "holder.provider"),
        (Unavailable("fetch.redirects", "…"), "holder.provider"),
        ({}, "holder.token"),
    ],
)
def test_a_token_endpoint_that_says_something_else(
    party: RelyingParty, provider: LyingProvider, answer: object, code: str
) -> None:
    _, expected = party.begin(BACK)
    provider.answer = answer
    with pytest.raises(LicenceTrustError) as caught:
        party.complete(expected, "code")
    assert caught.value.code == code


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://evil.example.cn"},
        {"authorization_endpoint": "http://id.example.cn/authorize"},
        {"token_endpoint": "http://169.254.169.254/latest"},
        {"token_endpoint": "http://localhost/token"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": "https://user:pw@id.example.cn/jwks"},
        {"jwks_uri": 7},
        {"token_endpoint": None},
    ],
)
def test_a_description_that_leads_astray(
    party: RelyingParty, provider: LyingProvider, metadata: dict[str, Any]
) -> None:
    provider.metadata |= metadata
    with pytest.raises(Unavailable) as caught:
        party.begin(BACK)
    assert caught.value.code == "holder.provider"


@pytest.mark.parametrize(
    ("promised", "asked", "said", "good"),
    [
        (None, ISSUER, "", True),
        (None, ISSUER, ISSUER, True),
        (True, ISSUER, ISSUER, True),
        (True, ISSUER, "", False),
        (None, ISSUER, "https://evil.example.cn", False),
        (None, "https://evil.example.cn", "", False),
    ],
)
def test_who_answers(
    party: RelyingParty, provider: LyingProvider, promised: object, asked: str, said: str, good: bool
) -> None:
    """RFC 9207: the answer names its sender; providers that have not promised to may leave it out."""
    provider.metadata["authorization_response_iss_parameter_supported"] = promised
    if good:
        party.check_sender(asked, said)
        return
    with pytest.raises(Refused) as caught:
        party.check_sender(asked, said)
    assert caught.value.code == "holder.issuer"


@pytest.mark.parametrize("metadata", [b"", b"null", b"[" * 100_000, Unavailable("fetch.timeout", "…")])
def test_no_description_at_all(party: RelyingParty, provider: LyingProvider, metadata: object) -> None:
    provider.metadata = metadata
    with pytest.raises(Unavailable):
        party.begin(BACK)
    assert party.logout_url(BACK) == ""


def test_what_the_providers_documents_name_is_kept_off_our_networks() -> None:
    """The issuer was named by the operator and may be a neighbour; where its documents lead may not."""
    settings = load_settings({}, oidc_issuer="https://id.example.cn")
    [party] = providers_of(settings, None, lambda: NOW)("https://anywhere").parties
    allowed = [party.fetcher(url) for url in (f"{ISSUER}/jwks", "https://10.0.0.8/jwks", f"{ISSUER}:444/jwks")]
    assert [(one.allow_private, one.redirects) for one in allowed if isinstance(one, HTTPFetcher)] == [
        (True, 0),
        (False, 0),
        (False, 0),
    ]


def test_an_issuer_may_end_in_a_slash(provider: LyingProvider) -> None:
    provider.metadata["issuer"] = f"{ISSUER}/"
    party = RelyingParty(Registration(f"{ISSUER}/", CLIENT), lambda _url: provider, lambda: NOW)
    party.begin(BACK)
    assert provider.asked[0].url == f"{ISSUER}/.well-known/openid-configuration"


def test_new_keys_are_fetched_once_they_are_used(provider: LyingProvider) -> None:
    moment = [NOW]
    party = RelyingParty(
        Registration(ISSUER, CLIENT, claims=CLAIMS, levels=LEVELS), lambda _url: provider, lambda: moment[0]
    )
    _, expected = party.begin(BACK)
    provider.answer = {"access_token": "a", "id_token": signed(nonce=expected.nonce)}
    party.complete(expected, "code")
    fresh = ECKey.generate_key("P-256", {"kid": "new"})
    provider.keys = {"keys": [fresh.as_dict(private=False)]}
    provider.answer = {"access_token": "a", "id_token": signed(fresh, {"kid": "new"}, nonce=expected.nonce)}
    moment[0] += timedelta(seconds=11)
    assert party.complete(expected, "code").subject == "s-1"
    asked = len(provider.asked)
    for _ in range(3):  # unknown keys do not make us ask again and again
        provider.answer = {"access_token": "a", "id_token": signed(ECKey.generate_key("P-256"), {"kid": "?"})}
        with pytest.raises(Refused):
            party.complete(expected, "code")
    assert sum(one.url.endswith("/jwks") for one in provider.asked[asked:]) <= 1


PORTAL: dict[str, tuple[dict[str, Any], str]] = {
    "ours": ({}, ""),
    "a named portal's": ({"aud": "portal"}, ""),
    "somebody else's": ({"aud": "evil"}, "holder.token"),
    "ours and somebody else's": ({"aud": ["portal", "evil"], "azp": "portal"}, "holder.token"),
    "eleven minutes old": ({"iat": AT - 660}, "holder.token"),
    "ended": ({"exp": AT - 120}, "holder.token"),
}


@pytest.mark.parametrize("name", PORTAL)
def test_what_a_portal_shows(party: RelyingParty, name: str) -> None:
    changed, code = PORTAL[name]
    if not code:
        identity, mark = party.of_portal(signed(**changed))
        assert identity.subject == "s-1" and len(mark) > 100
        return
    with pytest.raises(Refused) as caught:
        party.of_portal(signed(**changed))
    assert caught.value.code == code


def test_a_proof_is_the_same_whatever_its_signature(party: RelyingParty) -> None:
    """An elliptic signature can be written in two ways; the mark of use does not depend on it."""
    one, two = signed(), signed()
    assert one != two and party.of_portal(one)[1] == party.of_portal(two)[1]


ELSEWHERE: dict[str, tuple[Any, str]] = {
    "told": ({"sub": "s-1", "name": "林望舒", "identity_code": "990000199001010014"}, ""),
    "of another subject": ({"sub": "s-2", "name": "别人", "identity_code": "990000199001010014"}, "holder.token"),
    "of no subject": ({"name": "别人"}, "holder.token"),
    "no object": ([], "holder.token"),
    "no JSON": (b"eyJ.a.b", "holder.provider"),
    "deep": (b"[" * 100_000, "holder.provider"),
    "away": (Unavailable("fetch.unreachable", "…"), "holder.provider"),
}


@pytest.mark.parametrize("name", ELSEWHERE)
def test_who_somebody_is_may_be_told_apart_from_the_id_token(
    party: RelyingParty, provider: LyingProvider, name: str
) -> None:
    """The userinfo endpoint is asked only where the id token does not say it, and never outweighs the id token."""
    provider.userinfo, code = ELSEWHERE[name]
    provider.metadata["userinfo_endpoint"] = f"{ISSUER}/userinfo"
    _, expected = party.begin(BACK)
    whole = {"access_token": "a", "id_token": signed(nonce=expected.nonce)}
    provider.answer = whole
    party.complete(expected, "code")
    assert not [one for one in provider.asked if one.url.endswith("/userinfo")]
    provider.answer = {**whole, "id_token": signed(nonce=expected.nonce, name=None, identity_code=None)}
    if code:
        with pytest.raises(LicenceTrustError) as caught:
            party.complete(expected, "code")
        assert caught.value.code == code
        return
    identity = party.complete(expected, "code")
    assert (identity.person.name, identity.person.code, identity.assurance) == ("林望舒", "990000199001010014", 2)
    assert provider.asked[-1].headers == (("Authorization", "Bearer a"),)


@pytest.mark.parametrize(
    ("taken", "in_form"),
    [
        (None, False),
        (["client_secret_basic", "client_secret_post"], False),
        (["client_secret_post"], True),
        (["private_key_jwt"], False),
        ("x", False),
    ],
)
def test_the_secret_goes_where_the_provider_takes_it(provider: LyingProvider, taken: object, in_form: bool) -> None:
    provider.metadata["token_endpoint_auth_methods_supported"] = taken
    party = RelyingParty(
        Registration(ISSUER, CLIENT, "s3cret", claims=CLAIMS, levels=LEVELS), lambda _url: provider, lambda: NOW
    )
    _, expected = party.begin(BACK)
    provider.answer = {"access_token": "a", "id_token": signed(nonce=expected.nonce)}
    party.complete(expected, "code")
    sent = next(one for one in provider.asked if one.url.endswith("/token"))
    assert (b"s3cret" in (sent.body or b"")) is in_form
    assert any(name.lower() == "authorization" for name, _ in sent.headers) is not in_form


def test_offices_count_only_for_legal_representatives(party: RelyingParty, provider: LyingProvider) -> None:
    _, expected = party.begin(BACK)
    firm = {"code": "91990000MA49QUAQ2W", "name": "甲公司", "role": "legal_representative"}
    said: list[object] = [firm, {**firm, "role": "clerk"}, "x", None, {"role": "legal_representative"}]
    token = signed(nonce=expected.nonce, legal_person=said, auth_time=None)
    provider.answer = {"access_token": "a", "id_token": token}
    identity = party.complete(expected, "code")
    assert [one.name for one in identity.offices] == ["甲公司", ""]  # the empty one is refused where accounts are kept
    assert identity.proved == NEVER


@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("https://id.example.cn", True),
        ("https://id.example.cn/realms/zz", True),
        ("http://localhost:8080/x", True),
        ("http://127.0.0.1:8080", True),
        ("http://id.example.cn", False),
        ("http://127.0.0.1.example.cn", False),
        ("http://localhost@evil.example.cn", False),
        ("https://u:p@id.example.cn", False),
        ("https://id.example.cn?x=1", False),
        ("https://id.example.cn#x", False),
        ("ftp://id.example.cn", False),
        ("https://", False),
        ("https://[::1", False),
        ("", False),
    ],
)
def test_issuers(url: str, good: bool) -> None:
    assert check_issuer(url) is good
