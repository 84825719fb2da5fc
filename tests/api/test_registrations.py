"""Several identity providers: the file that names them, and which of them is meant."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from api.providers import Providers, providers_of
from api.registrations import Registration, read_registrations
from api.settings import load_settings
from trust.errors import LicenceTrustError, Malformed

USUAL = Registration(
    "https://id.example.cn", "ours", claims={"code": "identity_code", "name": "name"}, levels={"loa1": 1, "loa2": 2}
)
GOOD: dict[str, Any] = {"key": "national", "title": "国家平台", "issuer": "https://national.example.cn"}


def written(place: Path, content: object) -> Path:
    path = place / "providers.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def test_what_an_entry_does_not_say_is_as_usual(tmp_path: Path) -> None:
    (tmp_path / "national.secret").write_text("s3cret\n", encoding="utf-8")
    full = {
        **GOOD,
        "key": "city",
        "issuer": "https://city.example.cn/realms/a",
        "title_en": "City",
        "client_id": "zz",
        "client_secret_file": "national.secret",
        "scope": "openid identity",
        "claims": {"code": "cert_no", "name": "real_name"},
        "levels": {"L3": 3},
        "audiences": ["portal"],
    }
    plain, own = read_registrations(written(tmp_path, [GOOD, full]), USUAL)
    assert (plain.client_id, plain.claims, plain.levels) == (USUAL.client_id, USUAL.claims, USUAL.levels)
    assert (plain.highest, plain.scope, plain.client_secret) == (2, "openid profile", "")
    assert (own.client_id, own.client_secret, own.highest, own.scope) == ("zz", "s3cret", 3, "openid identity")
    assert own.claims["code"] == "cert_no" and own.audiences == {"portal"} and "s3cret" not in repr(own)
    assert [own.named("zh-CN"), own.named("en"), plain.named("en")] == ["国家平台", "City", "国家平台"]
    assert USUAL.named("en") == "id.example.cn"


WRONG: dict[str, object] = {
    "no JSON": b"{",
    "binary": b"\xff\xfe",
    "deep": b"[" * 100_000,
    "huge": b" " * (300 << 10),
    "no list": GOOD,
    "too many": [{**GOOD, "key": f"k{n}", "issuer": f"https://{n}.example.cn"} for n in range(21)],
    "no object": ["x"],
    "unknown member": [{**GOOD, "surprise": 1}],
    "no key": [{**GOOD, "key": ""}],
    "key for an address": [{**GOOD, "key": "../x"}],
    "key in capitals": [{**GOOD, "key": "A"}],
    "no title": [{**GOOD, "title": ""}],
    "title of two lines": [{**GOOD, "title": "a\nb"}],
    "title is a number": [{**GOOD, "title": 1}],
    "plain http": [{**GOOD, "issuer": "http://national.example.cn"}],
    "no issuer": [{"key": "a", "title": "b"}],
    "the usual one's issuer": [{**GOOD, "issuer": "https://ID.example.cn/"}],
    "one key twice": [GOOD, {**GOOD, "issuer": "https://other.example.cn"}],
    "one issuer twice": [GOOD, {**GOOD, "key": "b"}],
    "a word for yes": [{**GOOD, "signs_out_silently": "yes"}],
    "scope without openid": [{**GOOD, "scope": "profile"}],
    "claims without a number": [{**GOOD, "claims": {"name": "name"}}],
    "unknown claim": [{**GOOD, "claims": {"code": "a", "name": "b", "sex": "c"}}],
    "empty claim": [{**GOOD, "claims": {"code": "", "name": "b"}}],
    "claims as a list": [{**GOOD, "claims": []}],
    "level 4": [{**GOOD, "levels": {"x": 4}}],
    "level true": [{**GOOD, "levels": {"x": True}}],
    "levels as text": [{**GOOD, "levels": "x=1"}],
    "audiences as text": [{**GOOD, "audiences": "portal"}],
    "two secrets": [{**GOOD, "client_secret": "a", "client_secret_file": "b"}],
    "a secret that is not there": [{**GOOD, "client_secret_file": "absent"}],
}


@pytest.mark.parametrize("name", WRONG)
def test_a_file_that_says_nonsense_stops_the_start(tmp_path: Path, name: str) -> None:
    with pytest.raises(Malformed) as caught:
        read_registrations(written(tmp_path, WRONG[name]), USUAL)
    assert caught.value.code == "settings.providers"


def test_a_file_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(Malformed):
        read_registrations(tmp_path / "absent.json", USUAL)


@pytest.fixture
def providers(tmp_path: Path) -> Providers:
    written(tmp_path, [GOOD])
    settings = load_settings(
        {}, dir=tmp_path, oidc_issuer=USUAL.issuer, oidc_title="本省", oidc_providers="providers.json"
    )
    return providers_of(settings, None, lambda: datetime(2026, 11, 22, tzinfo=UTC))("https://anywhere")


def token(payload: object) -> str:
    return f"e30.{base64.urlsafe_b64encode(json.dumps(payload).encode()).decode().rstrip('=')}.x"


@pytest.mark.parametrize(
    ("shown", "key"),
    [
        (token({"iss": "https://national.example.cn"}), "national"),
        (token({"iss": "https://national.example.cn/"}), "national"),
        (token({"iss": USUAL.issuer}), ""),
        (token({"iss": "https://evil.example.cn"}), ""),
        (token({"iss": 7}), ""),
        (token([]), ""),
        ("nonsense", ""),
        ("a.\xff.b", ""),
        ("", ""),
    ],
)
def test_whose_token_it_claims_to_be(providers: Providers, shown: str, key: str) -> None:
    """Only which provider's keys it is checked against: what the token says is believed no more for it."""
    assert providers.of_token(shown).registration.key == key


def test_who_is_meant(providers: Providers) -> None:
    assert [one.registration.named("zh-CN") for one in providers.parties] == ["本省", "国家平台"]
    assert providers.chosen("").registration.issuer == USUAL.issuer
    assert providers.chosen("national") is providers.keeper(GOOD["issuer"])
    for ask, name, code in (
        (providers.chosen, "other", "holder.provider_unknown"),
        (providers.keeper, "https://gone.example.cn", "holder.provider_gone"),
        (Providers().chosen, "", "holder.no_provider"),
        (Providers().keeper, "x", "holder.no_provider"),
    ):
        with pytest.raises(LicenceTrustError) as caught:
            ask(name)
        assert caught.value.code == code
