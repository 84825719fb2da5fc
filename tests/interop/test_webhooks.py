"""What subscribers get, read by libraries that others wrote: Standard Webhooks' own, and the CNCF's for CloudEvents."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event
from cloudevents.core.formats.json import JSONFormat
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from tests.licence_store.eventing.test_events import ADMIN, Told, headers, told  # noqa: F401 - a fixture

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)


def test_standard_webhooks_accepts_either_secret_of_an_overlap(told: Told) -> None:  # noqa: F811
    first = told.subscribe()
    second = told.desk.subscriptions.rotate(first.id, ADMIN, overlap=timedelta(hours=1))
    licence = told.issue()
    told.deliver(first.id)
    [sent] = told.receiver.got
    for secret in (first.secret, second.secret):
        assert Webhook(secret).verify(sent.body or b"", headers(sent))["subject"] == licence
    other = told.desk.subscriptions.rotate(first.id, ADMIN).secret
    for secret, body in ((first.secret, (sent.body or b"") + b" "), (other, sent.body or b"")):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(body, headers(sent))


def test_cloudevents_reads_the_event(told: Told) -> None:  # noqa: F811
    subscription = told.subscribe()
    licence = told.issue()
    told.deliver(subscription.id)
    [sent] = told.receiver.got
    message = HTTPMessage({"content-type": sent.content_type, **headers(sent)}, sent.body or b"")
    event = from_structured_event(message, JSONFormat())
    data = event.get_data()
    assert (event.get_specversion(), event.get_type()) == ("1.0", "licence-trust.licence.issue")
    assert event.get_subject() == licence and event.get_id().startswith(told.desk.region.code)
    assert isinstance(data, dict) and data["licence_id"] == licence
    assert event.get_extension("region") == told.desk.region.code and event.get_extension("sequence").isdigit()
