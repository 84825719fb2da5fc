"""The navigation by role, as data: what each is offered, and where a page stands in it."""

from __future__ import annotations

import pytest

from api.pages.navigation import GROUPS, menu

STRANGER = ["/verify", "/types"]
SEALS = ["/verify", "/types", "/seals"]
LICENCES = ["/licences", "/holdings", "/inspections", "/disputes", "/transfers"]
OFFERED = {
    "": STRANGER,
    "holder": SEALS,
    "seal_keeper": SEALS,
    "seal_approver": SEALS,
    "officer": ["/verify", "/issue", "/jobs/new", "/proofs", "/entry", "/collection", "/collection/quarantine",
                "/window", "/window/copies", "/window/scan", *LICENCES, "/types", "/types/drafts", "/sharing/look-up", "/sharing",
                "/seals", "/jobs", "/notices", "/regions"],
    "auditor": ["/verify", "/collection", "/collection/quarantine", *LICENCES, "/types", "/sharing", "/seals", "/jobs",
                "/notices", "/journal", "/regions"],
    "admin": ["/verify", "/collection", "/collection/quarantine", *LICENCES, "/types", "/types/drafts", "/sharing",
              "/seals", "/jobs", "/notices", "/journal", "/trust", "/subscriptions", "/regions"],
}  # fmt: skip


@pytest.mark.parametrize("role", OFFERED)
def test_what_a_role_is_offered(role: str) -> None:
    assert [link.href for one in menu(role, "", "/", str) for link in one.links] == OFFERED[role]


@pytest.mark.parametrize(
    ("role", "key", "path", "here", "how"),
    [
        ("officer", "verify", "/verify", "/verify", "page"),
        ("officer", "issue", "/issue/teacher-certificate", "/issue", "true"),
        ("officer", "collection", "/collection", "/collection", "page"),
        ("officer", "collection", "/collection/sources/x", "/collection", "true"),
        ("officer", "collection", "/collection/quarantine", "/collection/quarantine", "page"),
        ("officer", "collection", "/collection/quarantine/1", "/collection/quarantine", "true"),
        ("officer", "jobs", "/jobs/new", "/jobs/new", "page"),
        ("officer", "jobs", "/jobs/0123", "/jobs", "true"),
        ("officer", "jobs", "/notices/contacts", "/notices", "true"),
        ("officer", "licences", "/holdings", "/holdings", "page"),
        ("officer", "licences", "/licences/1.2/inspect", "/licences", "true"),
        ("officer", "verify", "/licences/1.2/verdict", "/verify", "true"),
        ("admin", "types", "/types/drafts/1", "/types/drafts", "true"),
        ("", "types", "/types/teacher-certificate", "/types", "true"),
        ("", "", "/", None, ""),
        ("seal_keeper", "issue", "/issue", None, ""),
    ],
)
def test_where_a_page_stands(role: str, key: str, path: str, here: str | None, how: str) -> None:
    found = [(link.href, link.here) for one in menu(role, key, path, str) for link in one.links if link.here]
    assert found == ([(here, how)] if here else [])


def test_a_group_of_one_is_a_link_of_its_own_name() -> None:
    titles = [(one.title, len(one.links)) for one in menu("seal_keeper", "", "/", str)]
    assert titles == [("核验", 1), ("目录", 1), ("印章", 1)]
    assert all(len({one.href for one in group.entries}) == len(group.entries) for group in GROUPS)
