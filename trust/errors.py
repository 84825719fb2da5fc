"""错误: one root, families by who has to act, and stable codes.

A family says who can mend the matter: ``Malformed`` the sender of the data, ``Refused`` whoever
may change the rule or the permission, ``NotFound`` and ``Conflict`` the caller, ``Unavailable``
the operator of a device or service. ``CheckFailed`` never leaves a verifier: it becomes a
``Finding``. No HTTP status stands here; ``api/errors.py`` maps families to statuses once.

Messages are written in Chinese (the catalogue's msgid) with ``{named}`` places; English stands in
the gettext catalogue under the same msgid. See ``trust.i18n``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast
from unicodedata import category


class LicenceTrustError(Exception):
    """Root of every error this project raises on purpose.

    ``code`` is stable (``area.what``, lower case, dots and underscores); ``message`` is the
    Chinese template filled in; ``params`` are the values that filled it, kept so that another
    language can be rendered later. Never put a secret or a whole personal record into ``params``.
    """

    remedy_template: str = ""

    def __init__(self, code: str, template: str, *, remedy: str = "", **params: object) -> None:
        self.code = code
        self.template = template
        self.params = params
        self.remedy_template = remedy or type(self).remedy_template
        super().__init__(fill(template, params))

    @property
    def message(self) -> str:
        """The message in Chinese."""
        return fill(self.template, self.params)

    def localised(self, translate: Callable[[str], str]) -> tuple[str, str]:
        """``(message, remedy)`` in the language of ``translate`` (a gettext function)."""
        remedy = translate(self.remedy_template) if self.remedy_template else ""
        shown = {name: _shown(value, translate) for name, value in self.params.items()}
        return fill(translate(self.template), shown), fill(remedy, shown)


class Word(str):
    """A word of ours inside a message: translated with it."""

    __slots__ = ()


class Words(tuple[str, ...]):
    """Words of ours inside a message, each translated."""

    __slots__ = ()

    def __str__(self) -> str:
        return "、".join(self)


def _shown(value: object, translate: Callable[[str], str]) -> object:
    if isinstance(value, Words):
        return ", ".join(map(translate, value)) if translate(value[0]) != value[0] else str(value)
    return translate(value) if isinstance(value, Word) else value


def fill(template: str, params: Mapping[str, object]) -> str:
    """Fill ``{named}`` places; a template that does not fit is shown as it is, never a traceback."""
    try:
        return printable(template.format(**params))
    except (KeyError, IndexError, ValueError):
        return template


def printable(text: str) -> str:
    """``text`` on one line that changes nothing around it: what a stranger wrote may hold line breaks, the commands
    of a terminal, or halves of characters that no encoding can carry.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or category(c) == "Zs" else "\N{REPLACEMENT CHARACTER}" for c in text)


class Malformed(LicenceTrustError):
    """The data sent cannot be read or breaks its schema: the sender mends it."""

    remedy_template = "请按说明修改所提交的数据后重试。"


class Refused(LicenceTrustError):
    """A rule says no: the rule is named."""

    remedy_template = "该操作不符合规则，请联系有权限的工作人员。"


class Unauthenticated(Refused):
    """Nobody, or nobody we know, is asking: sign in or show a valid token."""

    remedy_template = "请先登录，或出示有效的接口令牌。"


class NotFound(LicenceTrustError):
    """What was asked for does not exist, or not for this caller."""

    remedy_template = "请核对标识后重试。"


class Conflict(LicenceTrustError):
    """The state has moved on: read it again."""

    remedy_template = "请刷新后重试。"


class Unavailable(LicenceTrustError):
    """A device, service, key or file is away; nothing is lost: try again."""

    remedy_template = "请稍后重试；如持续出现，请联系系统管理员。"


class CheckFailed(LicenceTrustError):
    """A verification check said no. ``indication`` is ``TOTAL-FAILED`` or ``INDETERMINATE`` and
    ``sub_indication`` a word of ETSI EN 319 102-1 (or ours, in capitals).
    """

    def __init__(self, indication: str, sub_indication: str, code: str, template: str, **params: object) -> None:
        super().__init__(code, template, **cast("dict[str, Any]", params))
        self.indication = indication
        self.sub_indication = sub_indication
