"""电子印章管理办法: the rules of use and the legal effect of a sealed document (R078), as the service prints them.

    markdown = management_rules("演示省")

One document in Chinese, the language in which such rules have effect; the table in it is the very one the register
obeys (``seal.lifecycle``). Every region may put its own words in front; the table cannot be talked away.
"""

from __future__ import annotations

from importlib.resources import files
from string import Template

from seal.lifecycle import STEPS, Role, Rule, State

VERSION = "1"
"""Of the text in ``rules.md``; raise it when the words change."""



def management_rules(region: str) -> str:
    """管理办法 of ``region``, in Markdown."""
    text = (files("seal") / "rules.md").read_text("utf-8")
    return Template(text).substitute(region=region, version=VERSION, table=rules_table())


def rules_table() -> str:
    """The steps in words, for people."""
    lines = ["| 步骤 | 由谁办理 | 由何状态 | 至 | 规则 |", "|---|---|---|---|---|"]
    for step in STEPS.values():
        arrivals: dict[str, list[str]] = {}
        for before, after in step.moves.items():
            arrivals.setdefault("不变" if before is after else after.label, []).append(before.label)
        for arrival, departures in arrivals.items():
            cells = (step.title, _labels(step.roles), "、".join(departures), arrival, _labels(step.rules) or "—")
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _labels(words: tuple[Role, ...] | tuple[Rule, ...] | tuple[State, ...]) -> str:
    return "；".join(word.label for word in words)
