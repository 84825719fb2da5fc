"""通知: told in time, once, in the recipient's language; attempts kept, repeated, given up, replayed."""

from __future__ import annotations

import base64
import hmac
import json
import logging
import threading
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete
from sqlalchemy.exc import DBAPIError

from licence_store.desk import Desk, DeskSettings, open_desk
from licence_store.jobs import running
from licence_store.notices.addresses import check_smtp_url, is_mail_address
from licence_store.notices.contacts import ContactView
from licence_store.notices.delivery import ATTEMPTS
from licence_store.notices.models import DeliveryAttempt
from licence_store.notices.occasions import step_reached
from licence_store.standing import day_of
from seal.lifecycle import Official, Role
from tests.licence_store.notices.conftest import CLERK, Office
from tests.smtp_server import MailServer
from tests.trust.http_server import Answer, Server, running_server
from trust.errors import Conflict, LicenceTrustError, NotFound
from trust.journal import Actor


def told(office: Office) -> list[tuple[str, str]]:
    return sorted((one.occasion, one.party_kind) for one in office.deliveries())


def contact(office: Office, channel: str, address: str, language: str = "zh-CN", who: str = "holder") -> ContactView:
    party = office.holder if who == "holder" else office.department
    return office.desk.notices.contacts.add(who, party, channel, address, actor=CLERK, language=language)


# When


def test_each_step_is_told_once_whatever_runs_twice(office: Office) -> None:
    assert office.do("expiry-notices") == {"posted": 0}
    for days, step in ((90, 90), (59, 60), (10, 30)):
        office.days_before_end(days)
        assert office.do("expiry-notices") == {"posted": 2}
        assert office.do("expiry-notices") == {"posted": 0}
        assert told(office)[-2:] == [(f"expiring-{step}", "department"), (f"expiring-{step}", "holder")] or step != 90
        newest = office.deliveries()[0]
        assert (newest.occasion, newest.facts["days"], newest.facts["ends"]) == (
            f"expiring-{step}",
            str(days),
            office.ends,
        )
    assert len(told(office)) == 6
    office.days_before_end(-1)
    assert office.do("expiry-notices") == {"posted": 0}


def test_two_machines_at_once_tell_it_once(office: Office, settings: DeskSettings) -> None:
    office.days_before_end(30)
    desks = [open_desk(settings, office.clock) for _ in range(4)]
    barrier, posted = threading.Barrier(len(desks)), []

    def tell(desk: Desk) -> None:
        with desk.sessions.begin() as session:
            desk.jobs.enqueue(session, "expiry-notices", {}, actor=CLERK)
        barrier.wait()
        while (taken := running.take(desk)) is not None:
            running.run(taken)
            posted.append(desk.jobs.get(taken.context.job_id).outcome.get("posted", 0))

    threads = [threading.Thread(target=tell, args=(one,)) for one in desks]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    for desk in desks:
        desk.close()
    assert sum(posted) == 2
    assert told(office) == [("expiring-30", "department"), ("expiring-30", "holder")]
    assert {one.state for one in office.deliveries()} == {"sent"}


def test_steps_missed_while_nothing_ran_are_told_as_one(office: Office) -> None:
    office.days_before_end(20)
    assert office.do("expiry-notices") == {"posted": 2}
    assert {one for one, _ in told(office)} == {"expiring-30"}


@given(
    st.lists(st.integers(0, 400), max_size=6),
    st.dates(date(2020, 1, 1), date(2040, 1, 1)),
    st.integers(-10, 500),
    st.integers(0, 500),
)
def test_the_step_that_counts_is_the_latest_that_has_come(steps: list[int], end: date, left: int, age: int) -> None:
    today, since = end - timedelta(days=left), end - timedelta(days=age)
    found = step_reached(steps, end, today, since)
    if found is None:
        assert left < 0 or all(days < left or days > age for days in steps if days == min(
            [one for one in steps if one >= left], default=-1))  # fmt: skip
    else:
        assert found in steps
        assert found >= left >= 0
        assert found <= age
        assert not any(left <= one < found for one in steps)


def test_the_sweep_writes_each_end_once(office: Office) -> None:
    assert office.do("expiry-sweep") == {"expired": 0, "overdue": 0}
    office.days_before_end(-1)
    before = office.desk.register.find(office.licence_id).state
    assert office.do("expiry-sweep") == {"expired": 1, "overdue": 0}
    assert office.do("expiry-sweep") == {"expired": 0, "overdue": 0}
    assert before == office.desk.register.find(office.licence_id).state == "EXPIRED"


# How


def test_nobody_to_be_reached_goes_into_the_log(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    office.days_before_end(90)
    with caplog.at_level(logging.INFO, "licence_trust.notices"):
        office.do("expiry-notices")
    assert {(one.channel, one.state) for one in office.deliveries()} == {("log", "sent")}
    assert office.licence_id in caplog.text
    assert office.holder not in caplog.text


def test_mail_in_the_recipients_language(office: Office, mail: MailServer) -> None:
    contact(office, "smtp", "holder@example.cn", "en")
    contact(office, "smtp", "office@example.cn", who="department")
    office.days_before_end(30)
    office.do("expiry-notices")
    found = {str(one["To"]): one for one in mail.messages}
    english, chinese = found["holder@example.cn"], found["office@example.cn"]
    assert english["Subject"] == f"A licence ends on {office.ends}: Nurse practising certificate"
    assert "30 days" in english.get_content()
    assert chinese["Subject"] == f"证照将于 {office.ends} 到期：护士执业证书"
    assert office.licence_id in chinese.get_content()
    assert office.holder not in chinese.as_string()
    assert len({str(one["Message-ID"]) for one in mail.messages}) == 2
    assert english["From"] == "licences@example.cn"


def test_a_mail_server_that_is_busy_is_asked_again(office: Office, mail: MailServer) -> None:
    contact(office, "smtp", "holder@example.cn")
    mail.refuse_messages = 451
    office.days_before_end(30)
    office.do("expiry-notices")
    [one] = office.deliveries(state="waiting")
    assert (one.attempts, (one.due - office.clock()).total_seconds()) == (1, 60)
    mail.refuse_messages = 0
    office.do("notice-delivery")
    assert mail.messages == []  # not yet
    office.clock.move(seconds=60)
    office.do("notice-delivery")
    assert office.desk.notices.get(one.id).state == "sent"
    assert [a.error.code if a.error else "" for a in office.desk.notices.attempts(one.id)] == ["notice.smtp_later", ""]
    assert office.desk.notices.address_of(one.id) == "holder@example.cn"


def test_given_up_after_all_attempts_and_replayed(office: Office, mail: MailServer) -> None:
    contact(office, "smtp", "holder@example.cn")
    mail.refuse_messages = 451
    office.days_before_end(30)
    office.do("expiry-notices")
    for _ in range(ATTEMPTS - 1):
        office.clock.move(hours=12)
        office.do("notice-delivery")
    [dead] = office.deliveries(state="dead")
    assert dead.attempts == ATTEMPTS
    mail.refuse_messages = 0
    office.clock.move(days=1)
    office.do("notice-delivery")
    assert mail.messages == []
    assert office.desk.notices.replay(dead.id, CLERK).state == "waiting"
    office.do("notice-delivery")
    assert len(mail.messages) == 1
    assert len(office.desk.notices.attempts(dead.id)) == ATTEMPTS + 1
    with pytest.raises(Conflict):
        office.desk.notices.replay(dead.id, CLERK)


def test_an_address_the_mail_server_refuses_is_given_up_at_once(office: Office, mail: MailServer) -> None:
    contact(office, "smtp", "nobody@example.cn")
    mail.refuse_recipients = 550
    office.days_before_end(30)
    office.do("expiry-notices")
    [dead] = office.deliveries(state="dead")
    [attempt] = office.desk.notices.attempts(dead.id)
    assert attempt.error is not None
    assert attempt.error.code == "notice.address_refused"


def test_a_contact_withdrawn_meanwhile_is_not_used(office: Office, mail: MailServer) -> None:
    made = contact(office, "smtp", "holder@example.cn")
    mail.refuse_messages = 451
    office.days_before_end(30)
    office.do("expiry-notices")
    office.desk.notices.contacts.end(made.id, actor=CLERK)
    with pytest.raises(NotFound):
        office.desk.notices.contacts.end(made.id, actor=CLERK)
    mail.refuse_messages = 0
    office.clock.move(hours=1)
    office.do("notice-delivery")
    assert mail.messages == []
    [dead] = office.deliveries(state="dead")
    assert office.desk.notices.attempts(dead.id)[-1].error is not None


def hooked(server: Server, secret: str) -> list[tuple[dict[str, str], bytes]]:
    """What the hook was sent, its signature checked as a receiver would."""
    kept: list[tuple[dict[str, str], bytes]] = []

    def receive(body: bytes) -> bytes:
        headers = server.headers[-1]
        message_id, stamp = headers["webhook-id"], headers["webhook-timestamp"]
        key = base64.b64decode(secret.removeprefix("whsec_"))
        wanted = hmac.new(key, f"{message_id}.{stamp}.".encode() + body, "sha256").digest()
        assert headers["webhook-signature"] == "v1," + base64.b64encode(wanted).decode()
        kept.append((headers, body))
        return b""

    server.answers["/hook"] = receive
    return kept


def test_webhook_is_signed_and_keeps_its_id_over_attempts(office: Office) -> None:
    with running_server() as server:
        made = contact(office, "webhook", server.url + "/hook", "en")
        assert made.secret.startswith("whsec_")
        assert office.desk.notices.contacts.get(made.id).secret == ""  # told once
        server.answers["/hook"] = Answer(503)
        office.days_before_end(30)
        office.do("expiry-notices")
        first = server.headers[-1]["webhook-id"]
        kept = hooked(server, made.secret)
        office.clock.move(minutes=1)
        office.do("notice-delivery")
        [(headers, body)] = kept
    assert headers["webhook-id"] == first
    assert int(headers["webhook-timestamp"]) == int(office.clock().timestamp())
    said = json.loads(body)
    assert said["type"] == "licence.expiring"
    assert said["data"]["licence_id"] == office.licence_id
    assert said["data"]["ends"] == office.ends
    assert said["data"]["heading"].startswith("A licence ends on")
    assert office.holder not in body.decode()


@pytest.mark.parametrize(
    ("answer", "state", "code"),
    [
        (Answer(204), "sent", None),
        (Answer(410), "dead", "notice.gone"),
        (Answer(500), "waiting", "fetch.status"),
        (Answer(302, headers={"Location": "/elsewhere"}), "waiting", "fetch.redirects"),
    ],
)
def test_what_a_webhook_may_answer(office: Office, answer: Answer, state: str, code: str | None) -> None:
    with running_server() as server:
        contact(office, "webhook", server.url + "/hook")
        server.answers["/hook"] = answer
        office.days_before_end(30)
        office.do("expiry-notices")
        assert [path for _, path in server.asked] == ["/hook"]
    [one] = [one for one in office.deliveries() if one.channel == "webhook"]
    [attempt] = office.desk.notices.attempts(one.id)
    assert (one.state, attempt.error.code if attempt.error else None) == (state, code)


def test_attempts_are_append_only(office: Office) -> None:
    office.days_before_end(30)
    office.do("expiry-notices")
    with pytest.raises((DBAPIError, LicenceTrustError)), office.desk.sessions.begin() as session:
        session.execute(delete(DeliveryAttempt))


# Contacts and settings


NO_CONTACTS = [
    ("holder", "X", "fax", "1", "en", "contact.channel"),
    ("holder", "X", "smtp", "a@b@c", "en", "contact.address"),
    ("holder", "X", "smtp", "a@b\r\nBcc: c@d", "en", "contact.address"),
    ("holder", "X", "smtp", "张三@例子.cn", "en", "contact.address"),
    ("holder", "X", "webhook", "ftp://example.cn", "en", "contact.address"),
    ("holder", "X", "webhook", "https://user:pw@example.cn/", "en", "contact.address"),
    ("holder", "X", "webhook", "https://exa mple.cn/", "en", "contact.address"),
    ("holder", "X", "webhook", "https://[", "en", "contact.address"),
    ("holder", "", "smtp", "a@b.cn", "en", "contact.party"),
    ("holder", "x" * 65, "smtp", "a@b.cn", "en", "contact.party"),
    ("office", "X", "smtp", "a@b.cn", "en", "contact.party_kind"),
    ("department", "nowhere", "smtp", "a@b.cn", "en", "department.unknown"),
    ("holder", "X", "smtp", "a@b.cn", "fr", "contact.language"),
]


def test_no_contact(office: Office) -> None:
    for kind, party, channel, address, language, code in NO_CONTACTS:
        with pytest.raises(LicenceTrustError) as caught:
            office.desk.notices.contacts.add(kind, party, channel, address, actor=CLERK, language=language)
        assert caught.value.code == code, (kind, party, channel, address)


def test_the_same_contact_twice(office: Office) -> None:
    made = contact(office, "smtp", "a@b.cn")
    with pytest.raises(Conflict):
        contact(office, "smtp", "a@b.cn")
    office.desk.notices.contacts.end(made.id, actor=CLERK)
    contact(office, "smtp", "a@b.cn")
    assert len(office.desk.notices.contacts.list(party=office.holder)) == 1


@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("smtp://mail.example.cn", True),
        ("smtps://user:p%40ss@mail.example.cn:465", True),
        ("smtp://mail.example.cn:25?tls=none", True),
        ("smtp://mail.example.cn?tls=maybe", False),
        ("smtp://", False),
        ("http://mail.example.cn", False),
        ("smtp://mail.example.cn:port", False),
        ("smtp://mail.example.cn/path", False),
    ],
)
def test_mail_server_addresses(url: str, good: bool) -> None:
    assert check_smtp_url(url) is good


@pytest.mark.parametrize(("text", "good"), [("a@b.cn", True), ("a..b@c.cn", False), ("a@-b.cn", False), ("", False)])
def test_mail_addresses(text: str, good: bool) -> None:
    assert is_mail_address(text) is good


def test_inspections_are_told_when_they_open_and_before_they_close(office: Office) -> None:
    """The social organisation's window: January to May of the year after its issue."""
    kind = office.desk.catalogue.get("social-organisation")
    with office.desk.sessions.read() as session:
        [right] = office.desk.catalogue.rights(session, kind.code)
    record = next(iter(kind.example_records(1)))
    officer = Actor("o", right.department_id)
    issued = office.desk.issuer.issue(kind.code, record, officer=officer)
    assert kind.inspection is not None
    first, last = kind.inspection.window(day_of(office.clock()).year + 1)
    found = []
    for day in (first - timedelta(days=1), first, first, last - timedelta(days=89), last - timedelta(days=6), last):
        office.clock.move(days=(day - day_of(office.clock())).days)
        found.append(office.do("inspection-notices")["posted"])
    assert found == [0, 2, 0, 2, 2, 0]
    office.clock.move(days=1)
    assert office.do("inspection-notices") == {"posted": 0}
    occasions = {one.occasion for one in office.deliveries() if one.licence_id == issued.licence_id}
    assert occasions == {f"inspection-{first.year}", f"inspection-{first.year}-90", f"inspection-{first.year}-7"}
    assert f"{last.isoformat()}" in office.deliveries()[0].text.body


def test_an_inspected_licence_is_not_told(office: Office) -> None:
    kind = office.desk.catalogue.get("social-organisation")
    with office.desk.sessions.read() as session:
        [right] = office.desk.catalogue.rights(session, kind.code)
    officer = Actor("o", right.department_id)
    issued = office.desk.issuer.issue(kind.code, next(iter(kind.example_records(1))), officer=officer)
    assert kind.inspection is not None
    first, _ = kind.inspection.window(day_of(office.clock()).year + 1)
    office.clock.move(days=(first - day_of(office.clock())).days)
    office.desk.life.inspect(issued.licence_id, Official(officer, Role.OFFICER), result="passed")
    assert office.do("inspection-notices") == {"posted": 0}
