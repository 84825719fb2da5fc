"""模拟页面: what happens between the regions, and buttons for what may go wrong. For this machine only.

No account, so: it listens on 127.0.0.1, answers only to that name, and forms carry a token of this run.
"""

from __future__ import annotations

import math
import secrets
import socket
from collections.abc import Callable
from typing import Final

import uvicorn
from starlette.applications import Starlette
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from api import __version__
from api.errors import language_of
from api.middleware import HEADERS
from api.moments import exact
from api.pages.rendering import HERE, environment, static
from api.settings import load_settings
from api.simulator.federation import Federation
from api.simulator.stage import FAULT_NAMES, Stage, Standing
from trust.errors import LicenceTrustError, Malformed, NotFound, Unavailable
from trust.i18n import translator

MESSAGES: Final = 14
_CENTRE: Final = 300
_RADIUS: Final = 220
_LONGEST: Final = 4096


def serve(federation: Federation, port: int, ready: Callable[[str], None]) -> None:
    """Until interrupted. Raises ``Unavailable("serve.address")``."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        listener.close()
        raise Unavailable(
            "serve.address", "无法监听 {host}:{port}：{why}", host="127.0.0.1", port=port, why=error.strerror or "-",
            remedy="请换一个端口（--port），或停止占用它的程序。",
        ) from None  # fmt: skip
    config = uvicorn.Config(application(Stage(federation)), log_level="error", ws="none", server_header=False)
    ready(f"http://127.0.0.1:{listener.getsockname()[1]}")
    uvicorn.Server(config).run(sockets=[listener])


def application(stage: Stage) -> Starlette:
    """The page as an ASGI application."""
    token = secrets.token_urlsafe(32)

    def show(request: Request) -> Response:
        return _page(request, stage, token)

    def state(_request: Request) -> Response:
        return JSONResponse(_facts(stage))

    async def act(request: Request) -> Response:
        body = await request.body()
        if len(body) > _LONGEST:
            return _page(request, stage, token, Malformed("simulator.fault", "没有这种故障。"))
        form = {name: str(value) for name, value in (await request.form()).items()}
        if not secrets.compare_digest(form.get("csrf", "").encode(), token.encode()):
            return _page(request, stage, token, NotFound("simulator.form", "页面已过期，请重新打开。"), 403)
        try:
            _act(stage, request.path_params["name"], form)
        except LicenceTrustError as error:
            return _page(request, stage, token, error, 409)
        live = "?live=1" if form.get("live") else ""
        return RedirectResponse(f"/{live}", 303)

    app = Starlette(
        routes=[
            Route("/", show),
            Route("/state", state),
            Route("/act/{name}", act, methods=["POST"]),
            Mount("/static", StaticFiles(directory=HERE / "static")),
        ]
    )
    app.state.settings = load_settings({})
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])
    return app


def _act(stage: Stage, name: str, form: dict[str, str]) -> None:
    region = form.get("region", "")
    if name == "journey":
        stage.journey(form.get("a", ""), form.get("b", ""))
    elif name == "probe":
        stage.probe()
    elif name == "fault":
        stage.fault(region, form.get("fault", ""), form.get("on") == "1")
    elif name == "roll":
        stage.roll(region)
    elif name == "clock":
        stage.move(region, _minutes(form.get("minutes", "")))
    elif name == "heal":
        stage.heal()
    else:
        raise Malformed("simulator.fault", "没有这种故障。")


def _minutes(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise Malformed("simulator.clock", "时钟最多拨动 366 天。")
    return found


def _page(
    request: Request, stage: Stage, token: str, error: LicenceTrustError | None = None, status: int = 200
) -> Response:
    language = language_of(request)
    translate = translator(language)
    standings = stage.standings()
    live = bool(stage.busy) or request.query_params.get("live") == "1"
    html = environment().get_template("simulator.html").render(
        _=translate, lang=language, static=static, version=__version__, csrf=token, live=live, stage=stage,
        nodes=[_row(one, translate) for one in standings], lines=_lines(standings),
        regions=stage.federation.nodes, fault_names={k: translate(v) for k, v in FAULT_NAMES.items()},
        steps=_steps(stage, translate), messages=stage.federation.log.newest(MESSAGES),
        problem=error.localised(translate)[0] if error else "", following=request.query_params.get("live") == "1",
        clock_text=lambda moment: exact(moment)[11:19], other="en" if language == "zh-CN" else "zh-CN",
    )  # fmt: skip
    answer = HTMLResponse(html, status, {**HEADERS, "Cache-Control": "no-store", "Content-Language": language})
    if request.query_params.get("lang") in ("zh-CN", "en"):
        answer.set_cookie("lang", request.query_params["lang"], samesite="lax")
    return answer


def _row(one: Standing, translate: Callable[[str], str]) -> dict[str, object]:
    node = one.node
    return {
        "node": node, "number": one.number, "age": one.age, "fresh": one.fresh, "running": node.running,
        "faults": [translate(FAULT_NAMES[fault]) for fault in sorted(node.relay.faults)],
        "codes": sorted(node.relay.faults), "offset": round(node.clock.offset() / 60, 1),
    }  # fmt: skip


def _lines(standings: list[Standing]) -> list[dict[str, object]]:
    """Where the regions stand around the hub."""
    around = [one for one in standings if not one.node.hub]
    drawn = []
    for index, one in enumerate(around):
        turn = 2 * math.pi * index / len(around) - math.pi / 2
        x, y = round(_CENTRE + _RADIUS * math.cos(turn)), round(_CENTRE + _RADIUS * math.sin(turn))
        tone = "fail" if not one.node.running or one.age < 0 else "unsure" if one.node.relay.faults else "pass"
        drawn.append({"x": x, "y": y, "node": one.node, "tone": tone, "number": one.number})
    return drawn


def _steps(stage: Stage, translate: Callable[[str], str]) -> list[dict[str, object]]:
    names = {"A": "A", "B": "B"} if stage.pair is None else {"A": stage.pair[0].name, "B": stage.pair[1].name}
    return [{"title": translate(title).format(**names), "result": result} for title, result in stage.steps]


def _facts(stage: Stage) -> dict[str, object]:
    return {
        "busy": stage.busy, "steps": [one.to_json() for one in stage.results], "messages": stage.federation.log.count,
        "verdicts": {node.code: [said, why] for node, said, why, _ in stage.verdicts},
        "nodes": [
            {"region": one.node.code, "address": one.node.relay.url, "list": one.number, "age": one.age,
             "faults": sorted(one.node.relay.faults), "clock_seconds": one.node.clock.offset()}
            for one in stage.standings()
        ],
    }  # fmt: skip
