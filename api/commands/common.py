"""What every command shares: language, options, output, and the door to ``Services``.

Only click is imported here; a command's own imports wait inside it, so that ``--help`` answers at once.
"""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from datetime import datetime

    from api.settings import Settings
    from api.wiring import Services


class Language:
    """语言: chosen once per run from ``--lang``, the settings' variable, or the locale."""

    def __init__(self) -> None:
        self.name = "zh-CN"

    def choose(self, arguments: Sequence[str], environ: Mapping[str, str]) -> None:
        named = _option(arguments, "--lang") or environ.get("LICENCE_TRUST_LANG") or _locale(environ)
        self.name = "en" if named.lower().startswith("en") else "zh-CN"

    def directory(self, arguments: Sequence[str], environ: Mapping[str, str]) -> Path:
        """The folder this run is about, as far as it can be told without parsing."""
        return Path(_option(arguments, "--dir") or environ.get("LICENCE_TRUST_DIR") or "var")

    def translate(self, text: str) -> str:
        if self.name == "zh-CN":
            return text
        from trust.i18n import translator

        return translator("en")(text)


def _option(arguments: Sequence[str], name: str) -> str | None:
    for index, argument in enumerate(arguments):
        if argument.startswith(f"{name}="):
            return argument.partition("=")[2]
        if argument == name and index + 1 < len(arguments):
            return arguments[index + 1]
    return None


def _locale(environ: Mapping[str, str]) -> str:
    return next((environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environ.get(name)), "")


language = Language()
tr = language.translate


class Option(click.Option):
    """An option whose help is shown in the caller's language."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        record = super().get_help_record(ctx)
        if record is None or not self.help:
            return record
        return record[0], record[1].replace(self.help, tr(self.help), 1)


class Command(click.Command):
    """A command whose help is shown in the caller's language."""

    def get_short_help_str(self, limit: int = 45) -> str:
        return tr(self.help or "").partition("\n")[0]

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_paragraph()
        with formatter.indentation():
            for paragraph in tr(self.help or "").split("\n"):
                formatter.write_text(paragraph)

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        option = super().get_help_option(ctx)
        if option is not None:
            option.help = tr("显示本说明")
        return option


class Group(click.Group):
    """A group of commands (``types list`` …) with the same manners."""

    command_class = Command

    def get_short_help_str(self, limit: int = 45) -> str:
        return tr(self.help or "")

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            ctx.fail(tr("没有命令 {name}").format(name=args[0][:40]))
        return super().resolve_command(ctx, args)

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(tr(self.help or ""))


def option(*names: str, **attributes: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """``click.option`` with localised help."""
    return click.option(*names, cls=Option, **attributes)


def common(function: Callable[..., Any]) -> Callable[..., Any]:
    """``--dir`` and ``--lang``, which every command takes."""
    function = option("--lang", default=None, metavar="LANG", expose_value=False, help="消息语言：zh-CN 或 en")(
        function
    )
    return option(
        "--dir",
        "directory",
        type=click.Path(path_type=Path),
        default=None,
        metavar="DIR",
        help="区域数据文件夹（默认 ./var）",
    )(function)


def acting(function: Callable[..., Any]) -> Callable[..., Any]:
    """``--as``: the account a command acts for."""
    return option("--as", "account", default=None, metavar="ACCOUNT", help="以哪个账号办理（演示区域有默认账号）")(
        function
    )


def overlap_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """``--overlap``: how long the older of two secrets signs, too."""
    return option(
        "--overlap", type=click.IntRange(0, 720), default=24, metavar="HOURS",
        help="旧密钥再并用几小时（0–720，默认 24；0：立即作废）",
    )(function)  # fmt: skip


def refusable(function: Callable[..., Any]) -> Callable[..., Any]:
    """A step that a rule may refuse, or whose state has moved on, exits 1 with the rule's code; with ``--json`` also
    ``{"error": {"code", "message"}}`` on standard output. A wrong call stays 3.
    """

    @functools.wraps(function)
    def run(*args: Any, **given: Any) -> Any:
        from trust.errors import Conflict, Refused

        try:
            return function(*args, **given)
        except (Refused, Conflict) as error:
            if error.code in ("account.needed", "account.disabled"):
                raise  # nobody was named who may act at all: a wrong call
            message, remedy = error.localised(tr)
            say(f"{tr('错误')} {error.code}: {message}" + (f" — {remedy}" if remedy else ""))
            if given.get("as_json"):
                put({"error": {"code": error.code, "message": message}})
            return 1

    return run


def say(message: str) -> None:
    """One line for the person, on standard error."""
    try:
        click.echo(message, err=True)
    except OSError:
        pass


def put(value: object) -> None:
    """One JSON line of results, on standard output, at once."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, separators=(", ", ": ")) + "\n")
    sys.stdout.flush()


def settings_for(directory: Path | None, **given: object) -> Settings:
    from api.settings import load_settings

    return load_settings(os.environ, dir=directory, lang=language.name, **given)


def open_services(directory: Path | None, **given: object) -> AbstractContextManager[Services]:
    """The region's services, closed at the end of the block."""
    from api.wiring import build

    return build(settings_for(directory, **given))


LARGEST_FILE = 64 << 20
"""What is larger is cut one byte behind this, and refused as too large by whoever reads it."""


def file_bytes(path: Path) -> bytes:
    """The content of a file named on the command line; ``Malformed("file.unreadable")`` says why not."""
    from trust.errors import Malformed

    try:
        with path.open("rb") as file:
            return file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise Malformed(
            "file.unreadable",
            "无法读取文件 {name}：{why}",
            remedy="请检查文件名和权限。",
            name=str(path),
            why=error.strerror or type(error).__name__,
        ) from None


def write_whole(path: Path, content: bytes) -> None:
    """Write a result file: whole or not at all."""
    import secrets

    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def moment_of(text: str | None) -> datetime | None:
    """A moment named on the command line; raises ``Malformed("moment.malformed")``."""
    from api.moments import parse_moment

    return parse_moment(text) if text else None
