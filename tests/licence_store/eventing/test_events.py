"""Events to subscribers: signed either way, the same id however often, none left out, none twice; on both engines."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from licence_store.desk import Desk, DeskSettings, open_desk
from licence_store.eventing import fanout
from licence_store.eventing.subscriptions import HMAC, SM2, SubscriptionView
from licence_store.jobs import running, schedule
from licence_store.notices.addresses import NoticeSettings
from licence_store.notices.channels import EventChannel
from licence_store.regions.own import OwnEntry
from seal.lifecycle import Official, Role
from trust.errors import LicenceTrustError, Unavailable
from trust.fetching import Exchange
from trust.journal import SYSTEM, Actor

TYPE = "teacher-certificate"
ADMIN = Actor("admin", None, None, "cli")
PLACE = "https://subscriber.example.test/hook"


@dataclass
class Receiver:
    """Stands in for the subscriber: keeps what came, answers as told."""

    got: list[Exchange] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    def fetch(self, exchange: Exchange) -> bytes:
        self.got.append(exchange)
        status = self.answers.pop(0) if self.answers else 200
        if status != 200:
            raise Unavailable("fetch.status", "信息源应答 {status}。", status=status)
        return b""


@dataclass
class Told:
    desk: Desk
    receiver: Receiver
    ahead: list[timedelta]

    def subscribe(self, **given: Any) -> SubscriptionView:
        return self.desk.subscriptions.add("办件系统", PLACE, ADMIN, **given)

    def issue(self, seed: int = 1) -> str:
        record = next(iter(self.desk.catalogue.get(TYPE).example_records(1, seed)))
        return self.desk.issuer.issue(TYPE, record, officer=Actor("clerk", None, None, "cli")).licence_id

    def revoke(self, licence_id: str) -> None:
        self.desk.life.take(
            licence_id, "revoke", Official(Actor("clerk", None, None, "cli"), Role.OFFICER), reason="违规"
        )

    def deliver(self, subscription: str) -> None:
        fanout.tell(self.desk, subscription)
        running.run_due(self.desk)

    def desk_round(self) -> None:
        """What the clock brings."""
        schedule.tick(self.desk, self.desk.clock())
        running.run_due(self.desk)

    def later(self, **length: float) -> None:
        self.ahead[0] += timedelta(**length)


@pytest.fixture
def told(settings: DeskSettings) -> Iterator[Told]:
    ahead = [timedelta(0)]
    desk = open_desk(
        replace(settings, notices=NoticeSettings(private_webhooks=True)), lambda: datetime.now(UTC) + ahead[0]
    )
    receiver = Receiver()
    channel = EventChannel(receiver, desk.notices.signer)
    desk.notices.__dict__["channels"] = {**desk.notices.channels, "event": channel}
    yield Told(desk, receiver, ahead)
    desk.close()


def headers(exchange: Exchange) -> dict[str, str]:
    return dict(exchange.headers)


def octets(exchange: Exchange) -> bytes:
    found = headers(exchange)
    return f"{found['webhook-id']}.{found['webhook-timestamp']}.".encode() + (exchange.body or b"")


def test_each_change_is_one_event(told: Told) -> None:
    before = told.issue(1)
    subscription = told.subscribe()
    assert subscription.secret.startswith("whsec_") and "whsec_" not in repr(subscription)
    licence = told.issue(2)
    told.revoke(licence)
    told.deliver(subscription.id)
    events = [json.loads(one.body or b"") for one in told.receiver.got]
    assert [(one["type"], one["data"]["state"]) for one in events] == [
        ("licence-trust.licence.issue", "CURRENT"), ("licence-trust.licence.revoke", "REVOKED"),
    ]  # fmt: skip
    assert all(one["subject"] == licence and one["specversion"] == "1.0" for one in events)
    assert before not in json.dumps(events) and events[0]["sequence"] < events[1]["sequence"]
    assert told.receiver.got[0].content_type == "application/cloudevents+json"
    record = next(iter(told.desk.catalogue.get(TYPE).example_records(1, 2)))
    assert not any(value in json.dumps(events, ensure_ascii=False) for name, value in record.items()
                   if name in ("holder_name", "name", "id_number") and value)  # fmt: skip
    told.deliver(subscription.id)
    assert len(told.receiver.got) == 2
    assert told.desk.subscriptions.get(subscription.id).counts == {"sent": 2}


@pytest.mark.parametrize("scheme", [HMAC, SM2])
def test_signatures(told: Told, scheme: str) -> None:
    subscription = told.subscribe(scheme=scheme)
    told.issue()
    told.deliver(subscription.id)
    [sent] = told.receiver.got
    label, _, value = headers(sent)["webhook-signature"].partition(",")
    if scheme == HMAC:
        key = base64.b64decode(subscription.secret.removeprefix("whsec_"))
        expected = hmac.new(key, octets(sent), "sha256").digest()
        assert (label, base64.b64decode(value)) == ("v1", expected)
        return
    assert subscription.secret == "" and label == "x-sm2-sm3"
    [listed] = OwnEntry(told.desk).entry(SYSTEM).request_keys
    assert headers(sent)["webhook-key-id"] == listed.id
    assert listed.key.verify(base64.b64decode(value), octets(sent))
    assert not listed.key.verify(base64.b64decode(value), octets(sent) + b" ")


def test_tried_again_under_the_same_id_then_given_up_and_told_again(told: Told) -> None:
    subscription = told.subscribe()
    told.issue()
    told.receiver.answers = [500] * 8
    told.deliver(subscription.id)
    for _ in range(9):
        told.later(hours=13)
        told.desk_round()
    found = told.desk.subscriptions.get(subscription.id)
    assert found.counts == {"dead": 1} and len(told.receiver.got) == 8
    ids = {headers(one)["webhook-id"] for one in told.receiver.got}
    stamps = {headers(one)["webhook-timestamp"] for one in told.receiver.got}
    assert len(ids) == 1 and len(stamps) == 8 and len({one.body for one in told.receiver.got}) == 1
    [attempts] = [told.desk.notices.attempts(one) for one in ids]
    assert [one.number for one in attempts] == list(range(1, 9)) and all(one.error for one in attempts)

    assert told.desk.subscriptions.replay(subscription.id, ADMIN) == 1
    running.run_due(told.desk)
    assert told.desk.subscriptions.get(subscription.id).counts == {"sent": 1}
    assert headers(told.receiver.got[-1])["webhook-id"] in ids
    assert told.desk.subscriptions.replay(subscription.id, ADMIN) == 0
    assert told.desk.subscriptions.replay(subscription.id, ADMIN, dead_only=False) == 1
    running.run_due(told.desk)
    assert len(told.receiver.got) == 10


def test_who_wants_no_more_is_asked_no_more(told: Told) -> None:
    subscription = told.subscribe()
    told.issue()
    told.receiver.answers = [410]
    told.deliver(subscription.id)
    assert told.desk.subscriptions.get(subscription.id).counts == {"dead": 1}
    told.desk.subscriptions.end(subscription.id, ADMIN)
    told.issue(2)
    told.desk_round()
    assert len(told.receiver.got) == 1
    for act in (lambda: told.desk.subscriptions.pause(subscription.id, ADMIN),
                lambda: told.desk.subscriptions.replay(subscription.id, ADMIN)):  # fmt: skip
        with pytest.raises(LicenceTrustError) as refused:
            act()
        assert refused.value.code == "event.ended"


def test_what_happens_in_a_pause_is_told_afterwards(told: Told) -> None:
    subscription = told.subscribe(steps=["issue"], types=[TYPE])
    told.desk.subscriptions.pause(subscription.id, ADMIN)
    licence = told.issue()
    told.revoke(licence)
    told.later(minutes=2)
    told.desk_round()
    assert told.receiver.got == []
    told.desk.subscriptions.pause(subscription.id, ADMIN, paused=False)
    told.later(minutes=2)
    told.desk_round()
    assert [json.loads(one.body or b"")["data"]["change"] for one in told.receiver.got] == ["issue"]


def test_from_an_earlier_moment(told: Told) -> None:
    start = told.desk.clock() - timedelta(seconds=1)
    licence = told.issue()
    subscription = told.subscribe(since=start)
    told.deliver(subscription.id)
    assert [json.loads(one.body or b"")["subject"] for one in told.receiver.got] == [licence]


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"name": " "}, "event.name"),
    ({"name": "a\nb"}, "event.name"),
    ({"scheme": "rsa"}, "event.scheme"),
    ({"steps": ["nothing"]}, "event.step"),
    ({"types": ["nothing"]}, "type.unknown"),
    ({"departments": ["nobody"]}, "department.unknown"),
    ({"address": "ftp://x.example.test"}, "contact.address"),
    ({"address": "https://user:pass@x.example.test"}, "contact.address"),
]


@pytest.mark.parametrize(("given", "code"), REFUSED)
def test_what_is_no_subscription(told: Told, given: dict[str, Any], code: str) -> None:
    whole = {"name": "x", "address": PLACE, **given}
    with pytest.raises(LicenceTrustError) as refused:
        told.desk.subscriptions.add(whole.pop("name"), whole.pop("address"), ADMIN, **whole)
    assert refused.value.code == code
    assert told.desk.subscriptions.list() == ()


def test_nobody_else_has_a_contact_for_events(told: Told) -> None:
    for party, channel in (("holder", "event"), ("subscriber", "webhook")):
        with pytest.raises(LicenceTrustError) as refused:
            told.desk.notices.contacts.add(party, "x", channel, PLACE, actor=ADMIN)
        assert refused.value.code == "contact.channel"


def checked(exchange: Exchange, secret: str) -> bool:
    """As a receiver of Standard Webhooks does: is one of the signatures made with its secret?"""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    wanted = "v1," + base64.b64encode(hmac.new(key, octets(exchange), "sha256").digest()).decode()
    return wanted in headers(exchange)["webhook-signature"].split(" ")


def test_a_secret_is_renewed_with_overlap(told: Told) -> None:
    """Old and new count side by side, then the new alone; without overlap the old is void at once."""
    first = told.subscribe()
    second = told.desk.subscriptions.rotate(first.id, ADMIN, overlap=timedelta(hours=2))
    assert second.secret.startswith("whsec_") and second.secret not in (first.secret, repr(second))
    shown = told.desk.subscriptions.get(first.id)
    assert shown.secret == "" and shown.secret_period is not None and shown.secret_period.older_until is not None

    def sent() -> Exchange:
        told.issue(len(told.receiver.got) + 1)
        told.deliver(first.id)
        return told.receiver.got[-1]

    assert [checked(sent(), one.secret) for one in (first, second)] == [True, True]
    told.later(hours=3)
    assert [checked(sent(), one.secret) for one in (first, second)] == [False, True]
    third = told.desk.subscriptions.rotate(first.id, ADMIN, overlap=timedelta(0))
    last = sent()
    assert [checked(last, one.secret) for one in (first, second, third)] == [False, False, True]
    assert headers(last)["webhook-signature"].count("v1,") == 1


NOT_RENEWED = [
    ("hmac", timedelta(days=31), "contact.overlap"),
    ("hmac", timedelta(seconds=-1), "contact.overlap"),
    ("sm2", timedelta(0), "contact.unsigned"),
    ("ended", timedelta(0), "event.ended"),
    ("none", timedelta(0), "event.unknown"),
]


@pytest.mark.parametrize(("which", "overlap", "code"), NOT_RENEWED)
def test_what_is_not_renewed(told: Told, which: str, overlap: timedelta, code: str) -> None:
    made = told.subscribe(scheme=SM2 if which == "sm2" else HMAC)
    if which == "ended":
        told.desk.subscriptions.end(made.id, ADMIN)
    with pytest.raises(LicenceTrustError) as refused:
        told.desk.subscriptions.rotate("sub-none" if which == "none" else made.id, ADMIN, overlap=overlap)
    assert refused.value.code == code


def test_a_receiver_that_learns_nothing_is_noticed(told: Told) -> None:
    made = told.subscribe()
    for _ in range(2):
        told.desk.subscriptions.rotate(made.id, ADMIN)
    with pytest.raises(LicenceTrustError) as refused:
        told.desk.subscriptions.rotate(made.id, ADMIN)
    assert refused.value.code == "contact.secrets_many"
    assert told.desk.subscriptions.rotate(made.id, ADMIN, overlap=timedelta(0)).secret
