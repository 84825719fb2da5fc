"""Settings: read once, named when wrong, never guessed."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from api.settings import PREFIX, Settings, load_settings
from trust.errors import Malformed


def test_defaults_need_no_environment() -> None:
    assert load_settings({}) == Settings()
    assert load_settings({}).dir == Path("var")


def test_the_command_line_wins_over_the_environment() -> None:
    settings = load_settings({PREFIX + "PORT": "81", PREFIX + "LANG": "en", PREFIX + "HOST": ""}, port=82, host=None)
    assert settings.port == 82
    assert settings.lang == "en"
    assert settings.host == Settings().host


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty"),
        ("PORT", "70000"),
        ("BASE_URL", "localhost"),
        ("BASE_URL", "ftp://x"),
        ("BASE_URL", "http://x/?a"),
        ("LANG", "fr"),
        ("WORKERS", "-1"),
        ("UPLOAD_LIMIT", "1k"),
        ("LOG_LEVEL", "loud"),
        ("PUBLIC_RATE", "1.5"),
        ("OIDC_ISSUER", "http://id.example.cn"),
        ("OIDC_ISSUER", "https://user:word@id.example.cn"),
        ("OIDC_CLIENT_ID", " x"),
        ("OIDC_CLAIMS", "code=number"),
        ("OIDC_CLAIMS", "code=a,name=b,more=c"),
        ("OIDC_LEVELS", "loa1=4"),
        ("OIDC_LEVELS", "loa1"),
        ("SPACE_MINUTES", "1d"),
        ("PROOF_MINUTES", "0"),
    ],
)
def test_a_wrong_value_is_named(name: str, value: str) -> None:
    with pytest.raises(Malformed) as caught:
        load_settings({PREFIX + name: value})
    assert caught.value.code == "settings.invalid"
    assert PREFIX + name in caught.value.message
    assert value in caught.value.message


def test_secrets_are_not_shown() -> None:
    assert "hush" not in repr(load_settings({PREFIX + "PASSPHRASE": "hush"}))


def test_every_setting_is_explained() -> None:
    source = Path(__file__).parents[2].joinpath("api", "settings.py").read_text("utf-8")
    for one in fields(Settings):
        _, _, after = source.partition(f"    {one.name}: ")
        assert after.split("\n", 2)[1].strip().startswith('"""'), one.name


def test_https_makes_cookies_secure() -> None:
    assert load_settings({}, base_url="https://example.test/").base_url == "https://example.test"
    assert load_settings({}, base_url="https://example.test").secure
    assert not load_settings({}).secure


def test_the_public_address_follows_the_port_until_it_is_named() -> None:
    assert load_settings({}, port=8010).base_url == "http://localhost:8010"
    assert load_settings({PREFIX + "BASE_URL": "https://example.test"}, port=8010).base_url == "https://example.test"
    assert load_settings({}, port=0).base_url == Settings().base_url
