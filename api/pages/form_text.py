"""表单文字: a field of a form, as far as it is text."""

from __future__ import annotations

from starlette.datastructures import FormData


def text_of(data: FormData, name: str, limit: int | None = 600) -> str:
    """The field's text, trimmed, at the most ``limit`` characters of it (``None``: all); what is no text is empty."""
    value = data.get(name, "")
    return value.strip()[:limit] if isinstance(value, str) else ""
