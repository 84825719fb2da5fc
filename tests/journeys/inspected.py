"""A type of licence whose first annual inspection falls in the year of issue, so that it can be held at once."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

ORGANISATION = "social-organisation"


def inspected_at_once(failed: str = "SUSPENDED") -> dict[str, Any]:
    """社会团体法人登记证书, inspected from its first year on, all year round; ``failed``: what a failed one leads to."""
    document: dict[str, Any] = json.loads(
        (files("licence_store") / "types" / f"{ORGANISATION}.json").read_text("utf-8")
    )
    rule = {**document["inspection"], "opens": "01-01", "closes": "12-31", "first_year_offset": 0, "failed": failed}
    return {**document, "inspection": rule}
