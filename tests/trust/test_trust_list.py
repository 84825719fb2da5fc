"""Trust lists: what follows is believed, and every attack we could think of is refused under its own code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.authority import DAY, MOMENT, YEAR
from tests.federation import HOME, ISSUED, Federation, federation, keeper, region, resigned, rewritten
from trust.errors import LicenceTrustError
from trust.list_chain import accept_first, accept_next
from trust.trust_list import Entitlement, Keeper, ListSignature, Period, StatusPlace, TrustList, is_within
from trust.trust_list_reading import load_trust_list

FED = federation()
ONE = FED.first()
TWO = FED.next(ONE)
THREE = FED.next(TWO)


def accepted(data: bytes, believed: TrustList = TWO, **options: Any) -> TrustList:
    return accept_next(believed, load_trust_list(data), MOMENT, **options)


# ---------------------------------------------------------------- what is right


def test_what_is_written_is_read() -> None:
    read = load_trust_list(THREE.data)
    assert (read.data, read.digest, read.number) == (THREE.data, THREE.digest, 3)
    assert [one.name for one in read.signers()] == ["管理人1", "管理人2"]
    assert read.region(HOME) is not None and read.region("000000") is None


def test_first_by_pin_then_one_after_the_other() -> None:
    believed = accept_first(load_trust_list(ONE.data), f" {ONE.digest.upper()} ", MOMENT)
    for made in (TWO, THREE):
        believed = accept_next(believed, load_trust_list(made.data), MOMENT)
    assert believed.number == 3


def test_the_same_list_again_changes_nothing() -> None:
    more = FED.sign(TWO, by=(1, 2))  # other signatures over the same payload
    assert accepted(more.data) is TWO


def test_keepers_change_without_anybody_believing_anew() -> None:
    newcomers = [keeper("新管理人1"), keeper("新管理人2")]
    named = tuple(Keeper(one.name, one.certificate) for one in newcomers)
    made = FED.next(TWO, keepers=named)
    for one in newcomers:
        made = made.signed(one.certificate, one.sign)
    assert accepted(made.data).keepers == named
    after = replace(made, number=4, previous=made.digest, signatures=())
    by_old = FED.sign(after)
    with pytest.raises(LicenceTrustError) as refused:
        accept_next(made, by_old, MOMENT)
    assert refused.value.code == "trust_list.keepers"


def test_lists_on_the_way_may_have_expired() -> None:
    late = MOMENT + 20 * DAY
    newest = FED.next(THREE, issued_at=late - DAY, next_update=late + DAY)
    with pytest.raises(LicenceTrustError):
        accept_next(TWO, THREE, late)
    passed = accept_next(TWO, THREE, late, newest=False)
    assert accept_next(passed, newest, late).number == 4


# ---------------------------------------------------------------- attacks


def _other_keepers() -> bytes:
    """A list wholly of the attacker's making."""
    mine = Federation()
    theirs = tuple(Keeper(k.name, k.certificate) for k in mine.keepers)
    return mine.next(replace(TWO, keepers=theirs), previous=TWO.digest).data


def _with(change: Callable[[dict[str, Any]], object]) -> Callable[[], bytes]:
    """Changed without a key."""
    return lambda: rewritten(THREE, change)


def _signed(change: Callable[[dict[str, Any]], object]) -> Callable[[], bytes]:
    """Changed, and signed by careless keepers."""
    return lambda: resigned(THREE, change)


def _set(name: str, value: object) -> Callable[[dict[str, Any]], object]:
    return lambda payload: payload.__setitem__(name, value)


def _in_region(name: str, value: object) -> Callable[[dict[str, Any]], object]:
    return lambda payload: payload["regions"][0].__setitem__(name, value)


def _twice(name: str) -> Callable[[dict[str, Any]], object]:
    return lambda payload: payload[name].append(payload[name][0])


def _stolen_name() -> bytes:
    """One keeper signs twice, the second time under a colleague's name."""
    one = FED.keepers[0]
    made = FED.sign(THREE, by=(0,))
    return made.with_signatures([ListSignature(FED.keepers[1].certificate.digest.hex(), one.sign(made.payload))]).data


def _one_key_twice() -> bytes:
    """Two keepers on the list, one key."""
    one = FED.keepers[0]
    return FED.next(TWO, keepers=(*TWO.keepers, Keeper("化名", one.certificate))).data


def _outsider_signs() -> bytes:
    stranger = keeper("外人")
    made = FED.sign(THREE, by=(0,))
    return made.signed(stranger.certificate, stranger.sign).data


def _retired_keeper() -> bytes:
    kept = tuple(replace(k, period=Period(end=ISSUED)) if n == 1 else k for n, k in enumerate(TWO.keepers))
    return FED.next(FED.sign(replace(TWO, keepers=kept)), previous=TWO.digest).data


def _expired_keeper() -> Callable[[], bytes]:
    def make() -> bytes:
        stale = keeper("旧管理人", end=ISSUED - DAY)
        made = FED.next(TWO, keepers=(*TWO.keepers[:2], Keeper("旧管理人", stale.certificate)), by=(0,))
        return made.signed(stale.certificate, stale.sign).data

    return make


_REGION = region(HOME, "甲省")

ATTACKS: dict[str, tuple[Callable[[], bytes], str]] = {
    # rollback, freeze, fork
    "an older list": (lambda: ONE.data, "trust_list.older"),
    "the same number, other content": (
        lambda: FED.next(ONE, regions=ONE.regions[:1]).data, "trust_list.fork"),
    "the next number upon another history": (
        lambda: FED.next(FED.next(ONE, regions=ONE.regions[:1])).data, "trust_list.fork"),
    "the next number upon a made-up history": (lambda: FED.next(TWO, previous="ab" * 32).data, "trust_list.fork"),
    "a number is left out": (lambda: FED.next(THREE).data, "trust_list.gap"),
    "a number far ahead, so that no honest list follows": (
        lambda: FED.next(TWO, number=999_999_999).data, "trust_list.gap"),
    "expired": (lambda: FED.next(TWO, next_update=MOMENT - timedelta(seconds=1)).data, "trust_list.expired"),
    "from the future": (
        lambda: FED.next(TWO, issued_at=MOMENT + DAY, next_update=MOMENT + 2 * DAY).data, "trust_list.future"),
    "dated back before its predecessor": (
        lambda: FED.next(TWO, issued_at=ONE.issued_at - DAY).data, "trust_list.backdated"),
    "good for ever": (lambda: FED.next(TWO, next_update=ISSUED + 2 * YEAR).data, "trust_list.malformed"),
    "ends before it begins": (lambda: FED.next(TWO, next_update=ISSUED).data, "trust_list.malformed"),
    "another federation's": (lambda: FED.next(TWO, name="另一联盟").data, "trust_list.other"),
    # signatures
    "one signature of two": (lambda: FED.next(TWO, by=(0,)).data, "trust_list.keepers"),
    "no signature": (lambda: FED.next(TWO, by=()).data, "trust_list.keepers"),
    "keepers of the attacker's own": (_other_keepers, "trust_list.keepers"),
    "one keeper under two names": (_stolen_name, "trust_list.keepers"),
    "an outsider beside one keeper": (_outsider_signs, "trust_list.keepers"),
    "a keeper whose time is over": (_retired_keeper, "trust_list.threshold"),
    "a keeper whose certificate is over": (_expired_keeper(), "trust_list.keepers"),
    "one key under two names on the list": (_one_key_twice, "trust_list.malformed"),
    "new keepers who did not sign": (
        lambda: FED.next(TWO, keepers=tuple(Keeper(f"新{n}", keeper(f"新{n}").certificate) for n in (1, 2))).data,
        "trust_list.threshold"),
    "the threshold raised beyond the signatures": (lambda: FED.next(TWO, threshold=3).data, "trust_list.threshold"),
    "the threshold lowered, with one signature": (
        lambda: FED.next(TWO, threshold=1, by=(0,)).data, "trust_list.keepers"),
    "signatures of the list before": (
        lambda: replace(THREE, signatures=TWO.signatures).data, "trust_list.keepers"),
    "a signature given twice": (
        _with(lambda whole: whole["signatures"].append(whole["signatures"][0])), "trust_list.malformed"),
    "signatures out of order": (_with(lambda whole: whole["signatures"].reverse()), "trust_list.malformed"),
    "a signature of rubbish": (
        _with(lambda whole: whole["signatures"][0].__setitem__("signature", "AAAA")), "trust_list.keepers"),
    "a thousand signatures": (
        _with(lambda whole: whole.__setitem__("signatures", whole["signatures"] * 500)), "trust_list.malformed"),
    # content changed without a key
    "a region slipped in": (
        _with(lambda whole: whole["payload"]["regions"].append(
            {**whole["payload"]["regions"][0], "code": "440000", "entitlements": [], "request_keys": [],
             "status_lists": []})), "trust_list.keepers"),
    "an entitlement widened": (
        _with(lambda whole: whole["payload"]["regions"][0]["entitlements"][0].__setitem__("types", ["1"])),
        "trust_list.keepers"),
    "an address turned": (
        _with(lambda whole: whole["payload"]["regions"][0]["endpoints"].__setitem__("api", "https://evil.test")),
        "trust_list.keepers"),
    "a purpose added to an anchor": (
        _with(lambda whole: whole["payload"]["regions"][0]["anchors"][0].__setitem__(
            "purposes", ["bundle", "signer"])), "trust_list.keepers"),
    "the threshold lowered": (_with(lambda whole: whole["payload"].__setitem__("threshold", "1")), "trust_list.keepers"),
    # content that careless keepers signed
    "entitled to another province": (
        _signed(lambda payload: payload["regions"][0]["entitlements"][0].__setitem__("division", "990000")),
        "trust_list.malformed"),
    "entitled to the whole country": (
        _signed(lambda payload: payload["regions"][0]["entitlements"][0].__setitem__("division", "000000")),
        "trust_list.malformed"),
    "every type and one more": (
        _signed(lambda payload: payload["regions"][0]["entitlements"][0].__setitem__("types", ["*", "1"])),
        "trust_list.malformed"),
    "no type at all": (
        _signed(lambda payload: payload["regions"][0]["entitlements"][0].__setitem__("types", [])),
        "trust_list.malformed"),
    "a region twice": (_signed(_twice("regions")), "trust_list.malformed"),
    "a keeper twice": (_signed(_twice("keepers")), "trust_list.malformed"),
    "a threshold of nobody": (_signed(_set("threshold", "0")), "trust_list.malformed"),
    "a threshold nobody can meet": (_signed(_set("threshold", "4")), "trust_list.malformed"),
    "number nought": (_signed(_set("number", "0")), "trust_list.malformed"),
    "a number with a leading nought": (_signed(_set("number", "03")), "trust_list.malformed"),
    "a number in other digits": (_signed(_set("number", "３")), "trust_list.malformed"),
    "a first list that names one before it": (_signed(_set("number", "1")), "trust_list.malformed"),
    "no predecessor named": (_signed(_set("previous", "")), "trust_list.malformed"),
    "a bundle instead of a list": (_signed(_set("format", "licence-trust/trust-bundle/1")), "trust_list.malformed"),
    "a member nobody knows": (_signed(_set("note", "x")), "trust_list.malformed"),
    "a name with a line break": (_signed(_set("name", "演示\n联盟")), "trust_list.malformed"),
    "a region's code of letters": (_signed(_in_region("code", "11000A")), "trust_list.malformed"),
    "a region above itself": (_signed(_in_region("upper", HOME)), "trust_list.malformed"),
    "an address to a file": (_signed(_in_region("endpoints", {"api": "file:///etc/passwd"})), "trust_list.malformed"),
    "an address with a password": (
        _signed(_in_region("endpoints", {"api": "https://a:b@x.test/"})), "trust_list.malformed"),
    "an address with a query": (
        _signed(_in_region("endpoints", {"api": "https://x.test/?next="})), "trust_list.malformed"),
    "an address of an unknown kind": (
        _signed(_in_region("endpoints", {"shell": "https://x.test/"})), "trust_list.malformed"),
    "another region's request key": (
        _signed(lambda payload: payload["regions"][0]["request_keys"][0].__setitem__("id", "990000:x")),
        "trust_list.malformed"),
    "a request key that is no key": (
        _signed(lambda payload: payload["regions"][0]["request_keys"][0].__setitem__("key", "AAAA")),
        "trust_list.malformed"),
    "a request key of an unknown algorithm": (
        _signed(lambda payload: payload["regions"][0]["request_keys"][0].__setitem__("algorithm", "rsa")),
        "trust_list.malformed"),
    "an SM2 key said to be ES256": (
        _signed(lambda payload: payload["regions"][0]["request_keys"][0].__setitem__("algorithm", "es256")),
        "trust_list.malformed"),
    "a status place above another region's": (
        lambda: FED.next(TWO, regions=(replace(_REGION, status_places=(StatusPlace("https://"),)),)).data,
        "trust_list.malformed"),
    "a status place inside another region's": (
        lambda: FED.next(TWO, regions=(
            replace(_REGION, status_places=(StatusPlace("https://990000.example.test/api/v1/status-lists/x/"),)),
            *TWO.regions[1:])).data, "trust_list.malformed"),
    "status lists that need not be asked for for a year": (
        _signed(lambda payload: payload["regions"][0]["status_lists"][0].__setitem__("max_age", "31536000")),
        "trust_list.malformed"),
    "an anchor that is no certificate": (
        _signed(lambda payload: payload["regions"][0]["anchors"][0].__setitem__("certificate", "AAAA")),
        "trust_list.malformed"),
    "an anchor for an unknown purpose": (
        _signed(lambda payload: payload["regions"][0]["anchors"][0].__setitem__("purposes", ["everything"])),
        "trust_list.malformed"),
    "a period that ends before it begins": (
        _signed(lambda payload: payload["regions"][0]["entitlements"][0].update(
            valid_from="2026-01-02T00:00:00Z", valid_to="2026-01-01T00:00:00Z")), "trust_list.malformed"),
    # octets
    "nothing": (lambda: b"", "trust_list.malformed"),
    "no JSON": (lambda: b"\x00\xff", "trust_list.malformed"),
    "spaces that change no meaning": (lambda: THREE.data.replace(b":", b": "), "trust_list.malformed"),
    "cut short": (lambda: THREE.data[:-1], "trust_list.malformed"),
    "something behind the end": (lambda: THREE.data + b" ", "trust_list.malformed"),
    "a name twice": (lambda: THREE.data.replace(b'{"payload"', b'{"payload":{},"payload"'), "trust_list.malformed"),
    "nested without end": (lambda: b"[" * 100_000, "trust_list.malformed"),
}  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
def test_refused(attack: str) -> None:
    make, code = ATTACKS[attack]
    with pytest.raises(LicenceTrustError) as refused:
        accepted(make())
    assert refused.value.code == code


def test_there_are_enough_attacks() -> None:
    assert len(ATTACKS) >= 60


_LAST_SECOND = FED.first(next_update=MOMENT)
_EXPIRED = FED.first(next_update=MOMENT - timedelta(seconds=1))
FIRST: dict[str, tuple[str, TrustList, str]] = {
    "without a pin": ("", ONE, "trust_list.pin"),
    "another pin": ("00" * 32, ONE, "trust_list.pin"),
    "a pin cut short": (ONE.digest[:-1], ONE, "trust_list.pin"),
    "one signature of two": (ONE.digest, FED.sign(ONE, by=(0,)), "trust_list.threshold"),
    "in its last second": (_LAST_SECOND.digest, _LAST_SECOND, ""),
    "expired": (_EXPIRED.digest, _EXPIRED, "trust_list.expired"),
}


@pytest.mark.parametrize("case", FIRST)
def test_the_first_list(case: str) -> None:
    pin, made, code = FIRST[case]
    if not code:
        assert accept_first(made, pin, MOMENT) is made
        return
    with pytest.raises(LicenceTrustError) as refused:
        accept_first(made, pin, MOMENT)
    assert refused.value.code == code


@given(place=st.integers(0, len(THREE.data) - 1), octet=st.integers(1, 255))
def test_no_octet_can_be_changed(place: int, octet: int) -> None:
    """Refused, or (a signature beyond what is needed apart) the very list: never another one."""
    data = bytearray(THREE.data)
    data[place] ^= octet
    try:
        found = accepted(bytes(data))
    except LicenceTrustError:
        return
    assert found.digest == THREE.digest


# ---------------------------------------------------------------- entitlements


@pytest.mark.parametrize(
    ("division", "area", "inside"),
    [
        ("330106", "330000", True),
        ("330106", "330100", True),
        ("330106", "330106", True),
        ("330000", "330100", False),
        ("330200", "330100", False),
        ("340000", "330000", False),
        ("330106", "000000", True),
        ("990000", "990000", True),
        ("909900", "900000", True),
        ("100000", "110000", False),
    ],
)
def test_division_within_area(division: str, area: str, inside: bool) -> None:
    assert is_within(division, area) is inside


@pytest.mark.parametrize(
    ("entitlement", "division", "type_code", "days", "covered"),
    [
        (Entitlement("330000"), "330106", "T", 0, True),
        (Entitlement("330000", frozenset({"T"})), "330106", "T", 0, True),
        (Entitlement("330000", frozenset({"U"})), "330106", "T", 0, False),
        (Entitlement("330100"), "330000", "T", 0, False),
        (Entitlement("330000", period=Period(begin=MOMENT)), "330000", "T", 0, True),
        (Entitlement("330000", period=Period(begin=MOMENT)), "330000", "T", -1, False),
        (Entitlement("330000", period=Period(end=MOMENT)), "330000", "T", 1, False),
    ],
)
def test_entitlement(entitlement: Entitlement, division: str, type_code: str, days: int, covered: bool) -> None:
    assert entitlement.covers(division, type_code, MOMENT + days * DAY) is covered


def test_who_left_is_entitled_to_nothing_from_then_on() -> None:
    gone = replace(_REGION, left_at=MOMENT)
    assert gone.entitlement(HOME, "T", MOMENT - DAY) is not None
    assert gone.entitlement(HOME, "T", MOMENT) is None
    assert gone.keys_at(MOMENT) == () and gone.keys_at(MOMENT - DAY) != ()
