"""Published status lists: compact, signed, exact."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Sequence
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.authority import DAY, MOMENT, Authority, make_authority
from trust.errors import CheckFailed, Malformed
from trust.path import check_published
from trust.signed import encode, sign_document
from trust.status_list import CODES, MAX_SIZE, StatusList, build_status_list, load_status_list

states = st.lists(st.sampled_from(sorted(CODES)), min_size=1, max_size=70)


@pytest.fixture(scope="module")
def authority() -> Authority:
    return make_authority()


def publish(some: Sequence[str], authority: Authority | None = None) -> bytes:
    publisher = (authority or make_authority()).publisher
    return build_status_list(
        "https://example.test/api/v1/status-lists/1", some, region="990000", issued_at=MOMENT, next_update=MOMENT + DAY,
        sign=publisher.sign, signer_chain=[publisher.certificate.der],
    )  # fmt: skip


@settings(max_examples=40)
@given(states)
def test_every_state_is_found_at_its_index(some: list[str]) -> None:
    published = load_status_list(publish(some))
    assert [published.status_at(index) for index in range(published.size)] == some
    for outside in (-1, len(some)):
        with pytest.raises(Malformed):
            published.status_at(outside)


def test_believed_and_fresh(authority: Authority) -> None:
    published = load_status_list(publish(["CURRENT"]))
    check_published(published.document, authority.store(), published.issued_at, known_at=MOMENT)
    assert published.is_fresh(MOMENT + DAY)
    assert not published.is_fresh(MOMENT + 2 * DAY)


def test_a_hundred_thousand_licences_in_few_octets() -> None:
    some = ["CURRENT"] * 100_000
    for index in Random(1).sample(range(100_000), 2000):
        some[index] = "REVOKED"
    assert len(publish(some)) < 12_000


def test_signed_by_someone_else(authority: Authority) -> None:
    department = authority.department
    published = load_status_list(_resigned(authority, lambda payload: None, department))
    with pytest.raises(CheckFailed) as caught:
        check_published(published.document, authority.store(), published.issued_at, known_at=MOMENT)
    assert caught.value.sub_indication == "NO_CERTIFICATE_CHAIN_FOUND"


def test_a_changed_list(authority: Authority) -> None:
    whole = json.loads(publish(["CURRENT", "REVOKED"]))
    whole["payload"]["states"] = encode(zlib.compress(b"\x00"))
    from trust.canonical import canonical_json

    published = load_status_list(canonical_json(whole))
    assert published.status_at(1) == "CURRENT"
    with pytest.raises(CheckFailed) as caught:
        check_published(published.document, authority.store(), published.issued_at, known_at=MOMENT)
    assert caught.value.sub_indication == "SIG_CRYPTO_FAILURE"


def _resigned(authority: Authority, change: Callable[[dict[str, object]], object], signer: object = None) -> bytes:
    who = signer or authority.publisher
    payload = json.loads(publish(["CURRENT", "REVOKED", "LOST"], authority))["payload"]
    change(payload)
    return sign_document(payload, who.sign, [who.certificate.der])  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p.update(size="4"),
        lambda p: p.update(size="5"),
        lambda p: p.update(size="1"),
        lambda p: p.update(size="0"),
        lambda p: p.update(size="03"),
        lambda p: p.update(size="-3"),
        lambda p: p.update(size="３"),
        lambda p: p.update(size=str(MAX_SIZE + 1)),
        lambda p: p.update(size="9" * 30),
        lambda p: p.update(states="AAAA"),
        lambda p: p.update(states=""),
        lambda p: p.update(states=encode(zlib.compress(bytes(10_000_000)))),
        lambda p: p.update(states=encode(zlib.compress(b"\x07\xff") + b"x")),
        lambda p: p.update(states=encode(zlib.compress(b"\x0a\x0a"))),
        lambda p: p.update(states=encode(zlib.compress(b"\x07\xff")[:-2])),
        lambda p: p.update(next_update="2020-01-01T00:00:00Z"),
        lambda p: p.update(list_id="x" * 2000),
        lambda p: p.update(format="licence-trust/trust-bundle/1"),
        lambda p: p.update(other=""),
    ],
)
def test_anything_odd_is_malformed(authority: Authority, change: Callable[[dict[str, object]], object]) -> None:
    data = _resigned(authority, change)
    if json.loads(data)["payload"]["size"] == "4":  # the fourth place is the UNUSED that fills the octet
        assert load_status_list(data).status_at(3) == "UNUSED"
        return
    with pytest.raises(Malformed):
        load_status_list(data)


def test_an_unknown_state_is_not_published() -> None:
    with pytest.raises(Malformed, match="LOVELY"):
        publish(["LOVELY"])


@given(st.binary(max_size=80))
def test_any_octets_are_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        load_status_list(data)


def test_the_address_and_region() -> None:
    published: StatusList = load_status_list(publish(["CURRENT"]))
    assert published.list_id.endswith("/1")
    assert published.region == "990000"
