"""用证目的: what somebody who verifies a copy states, from the command line, the interface and the pages."""

from __future__ import annotations

from seal.copies import plain
from verify.policy import StatedPurpose

LONGEST = 200
"""Characters; what is longer is no purpose of a copy and differs from every one."""


def stated_purpose(
    purpose: str = "", recipient: str = "", service_item: str = "", case_number: str = ""
) -> StatedPurpose:
    """What is stated, each in one spelling; empty: not stated."""
    return StatedPurpose(*(plain(text[:LONGEST]) for text in (purpose, recipient, service_item, case_number)))
