"""拒绝: an error on the page of the form that it came from: what it says there, and the answer's status."""

from __future__ import annotations

from fastapi import Request

from api.errors import language_of, problem_of
from trust.errors import LicenceTrustError
from trust.i18n import translator


def said(error: LicenceTrustError | None, request: Request) -> str:
    """An error in words, what to do about it included; empty: there was none."""
    if error is None:
        return ""
    return " ".join(part for part in error.localised(translator(language_of(request))) if part)


def status_of(error: LicenceTrustError | None, request: Request) -> int:
    """The status of the page that shows it."""
    return problem_of(error, language_of(request)).status if error else 200
