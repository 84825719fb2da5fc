"""命令行: ``licence-trust``, one command per file in ``api/commands``.

Standard output carries results only; progress and messages go to standard error. Exit status 0 done or passed,
1 failed, 2 indeterminate, 3 a wrong call or a fault (click's own 2 is never used for that). One wrapper, ``main``,
turns whatever goes wrong into one readable line; a defect is written to a log file and named by its trace id.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from api.commands.common import Option, language, say, tr
from trust.errors import LicenceTrustError

COMMANDS = {
    "init": "init",
    "demo": "demo",
    "serve": "serve",
    "issue": "issue",
    "convert": "convert",
    "licence": "licence",
    "entry": "entry",
    "paper": "paper",
    "proof": "proof",
    "material": "material",
    "copy": "copy",
    "verify": "verify",
    "share": "share",
    "seal": "seal",
    "keys": "keys",
    "trust": "trust_bundle",
    "region": "region",
    "transfer": "transfer",
    "subscribe": "subscribe",
    "drill": "drill",
    "simulate": "simulate",
    "types": "types",
    "upload": "upload",
    "bag": "bag",
    "collect": "collect",
    "files": "files",
    "archive": "archive",
    "journal": "journal",
    "accounts": "accounts",
    "tokens": "tokens",
    "notices": "notices",
    "holders": "holders",
    "delegation": "delegation",
    "space": "space",
    "ledger": "ledger",
    "present": "present",
    "dispute": "dispute",
    "worker": "worker",
    "jobs": "jobs",
    "db": "db",
}
"""Command → module of ``api.commands``; each module has a ``command``."""


class Root(click.Group):
    """The command group; a command's module is read when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module = COMMANDS.get(cmd_name)
        if module is None:
            return None
        command: click.Command = importlib.import_module(f"api.commands.{module}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            ctx.fail(tr("没有命令 {name}").format(name=args[0][:40]))
        return super().resolve_command(ctx, args)

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(tr("电子证照、印章与签章：签发、核验与信任服务。"))


def _version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from api import __version__

        click.echo(__version__)
        ctx.exit()


root = Root(
    name="licence-trust",
    params=[
        Option(["--version"], is_flag=True, is_eager=True, expose_value=False, callback=_version, help="显示版本号")
    ],
    context_settings={"help_option_names": ["--help", "-h"], "max_content_width": 110},
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Console entry point ``licence-trust``; never returns and never shows a traceback."""
    _tidy_streams()
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    status = run(arguments)
    _leave(status)


def run(arguments: Sequence[str]) -> int:
    """Run one command line and give its exit status."""
    language.choose(arguments, os.environ)
    try:
        answer: Any = root.main(list(arguments), prog_name="licence-trust", standalone_mode=False)
        return answer if isinstance(answer, int) else 0
    except click.exceptions.NoArgsIsHelpError as error:
        say(error.format_message())
    except click.ClickException as error:
        say(f"{tr('错误')} cli.usage: {_usage(error)} — {tr('用 --help 查看用法。')}")
    except (click.Abort, KeyboardInterrupt):
        say(tr("已中断。"))
        return 130
    except LicenceTrustError as error:
        message, remedy = error.localised(tr)
        say(f"{tr('错误')} {error.code}: {message}" + (f" — {remedy}" if remedy else ""))
    except (
        BrokenPipeError,
        SystemExit,
    ):  # click turns the first into the second, with a status that means "failed" here
        _silence_stdout()
    except OSError as error:
        what = f"{error.strerror or error} {error.filename or ''}".strip()
        say(f"{tr('错误')} file.unusable: {what} — {tr('请检查文件、权限和磁盘空间。')}")
    except Exception as error:  # noqa: BLE001 - the last line of defence: a defect becomes one line and a log entry
        say(_defect(error, arguments))
    return 3


def _usage(error: click.ClickException) -> str:
    """click's complaint in our words."""
    match error:
        case click.NoSuchOption():
            text = tr("未知选项 {name}").format(name=error.option_name)
            return text + (
                tr("，是否想用 {others}？").format(others="、".join(error.possibilities)) if error.possibilities else ""
            )
        case click.MissingParameter():
            name = error.param.get_error_hint(error.ctx) if error.param and error.ctx else error.param_hint
            return tr("缺少参数 {name}").format(name=name)
        case click.BadParameter():
            name = error.param.get_error_hint(error.ctx) if error.param and error.ctx else error.param_hint
            return tr("参数 {name} 的值无效：{why}").format(name=name, why=error.message)
        case click.BadOptionUsage():
            return tr("选项 {name} 缺少值").format(name=error.option_name)
        case _:
            message = error.format_message()
            _, extra, names = message.partition("Got unexpected extra argument")
            return tr("多余的参数 {name}").format(name=names.strip("s (.)")) if extra else message


def _defect(error: Exception, arguments: Sequence[str]) -> str:
    """Write the details beside the region (or to the temporary folder) and give one line for the person."""
    import logging
    import secrets
    import tempfile

    trace = secrets.token_hex(8)
    folder = language.directory(arguments, os.environ)
    if not (folder / "region.json").is_file():
        folder = Path(tempfile.gettempdir())
    path = folder / "licence-trust-errors.log"
    try:
        path.touch(mode=0o640)
        handler = logging.FileHandler(path, encoding="utf-8")
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        log = logging.getLogger("licence_trust.cli")
        log.propagate = False
        log.addHandler(handler)
        log.error("trace %s: command %s", trace, arguments[:1], exc_info=error)
        handler.close()
        place = str(path)
    except OSError:
        place = "-"
    text = tr("程序内部出错（追踪号 {trace}）").format(trace=trace)
    return f"{tr('错误')} internal.fault: {text} — {tr('详情见 {place}，请把追踪号告诉管理员。').format(place=place)}"


def _tidy_streams() -> None:
    """Results are UTF-8 in a pipe; on a terminal nothing unprintable may stop a command."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace") if stream.isatty() else reconfigure(encoding="utf-8", errors="replace")


def _silence_stdout() -> None:
    """The reader has gone: let Python's own flush at exit meet the null device."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _leave(status: int) -> None:
    try:
        sys.stdout.flush()
    except (
        BrokenPipeError,
        SystemExit,
    ):  # click turns the first into the second, with a status that means "failed" here
        _silence_stdout()
        status = status or 3
    sys.exit(status)


if __name__ == "__main__":
    main()
