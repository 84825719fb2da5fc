"""Who is asking, and for what: the dependencies of every route."""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated
from urllib.parse import unquote

from fastapi import Depends, Header, Query, Request
from starlette.datastructures import FormData, UploadFile

from api.form_parsing import posted_form
from api.pages.rendering import CSRF_COOKIE
from api.refusals import TooLarge, Unreadable, UnsupportedMedia
from api.wiring import Services
from trust.errors import Malformed, Refused, Unauthenticated
from trust.journal import Actor

if TYPE_CHECKING:
    from licence_store.accounts import TokenGrant

SESSION_COOKIE = "lt_session"
DOCUMENT_TYPES = ("application/ofd", "application/octet-stream", "application/pdf", "application/zip")
PURPOSE_LENGTH = 200


def services(request: Request) -> Services:
    """What ``wiring.build`` made."""
    found: Services = request.app.state.services
    return found


def address_of(request: Request) -> str:
    """The caller's network address; a proxy's word counts only if the settings trust it (``serve`` sees to that)."""
    return request.client.host if request.client else ""


# People: a session cookie


@dataclass(frozen=True, slots=True)
class Viewer:
    """The account behind a session, as pages need it."""

    name: str
    display_name: str
    role: str
    department: str | None

    @property
    def can_issue(self) -> bool:
        """Officers only: who administers or manages seals does not use them (三员分立)."""
        return self.role == "officer"

    @property
    def can_inspect(self) -> bool:
        """Officers work through the list of inspections; auditors and administrators look at it."""
        return self.role in ("officer", "auditor", "admin")

    @property
    def can_audit(self) -> bool:
        return self.role in ("auditor", "admin")


@dataclass(frozen=True, slots=True)
class Visitor:
    """工作人员 signed in: the account, the form token of the session, the actor for the journal."""

    account: Viewer
    csrf: str
    token: str
    actor: Actor


class SignInNeeded(Unauthenticated):
    """A page for staff was asked for by a stranger: the browser is sent to the sign-in page."""


def visitor(request: Request, found: Annotated[Services, Depends(services)]) -> Visitor | None:
    """The signed-in person, or ``None``."""
    token = request.cookies.get(SESSION_COOKIE, "")
    if not token:
        return None
    try:
        signed_in = found.accounts.session(token)
    except Unauthenticated:
        return None
    account = signed_in.account
    viewer = Viewer(account.name, account.display_name, account.role, account.department_id)
    actor = Actor(account.name, account.department_id, address_of(request), "page")
    return Visitor(viewer, signed_in.csrf, token, actor)


MaybeVisitor = Annotated[Visitor | None, Depends(visitor)]


def staff(person: MaybeVisitor) -> Visitor:
    """Somebody signed in; raises ``SignInNeeded``."""
    if person is None:
        raise SignInNeeded("session.needed", "此页面需要登录。")
    return person


def officer(person: Annotated[Visitor, Depends(staff)]) -> Visitor:
    """Somebody who may issue."""
    if not person.account.can_issue:
        raise Refused("account.not_officer", "您的账号没有签发权限。")
    return person


def auditor(person: Annotated[Visitor, Depends(staff)]) -> Visitor:
    """Somebody who may read the journal."""
    if not person.account.can_audit:
        raise Refused("account.not_auditor", "您的账号没有查阅留痕的权限。")
    return person


async def form(request: Request, person: MaybeVisitor) -> AsyncIterator[FormData]:
    """The posted form, if it comes from a page of ours: its token must be the session's, or the cookie's."""
    async for data in checked_form(request, _csrf(request, person), 200):
        yield data


async def wide_form(request: Request, person: MaybeVisitor) -> AsyncIterator[FormData]:
    """As ``form``, for a page with many inputs."""
    async for data in checked_form(request, _csrf(request, person), 3000):
        yield data


def _csrf(request: Request, person: Visitor | None) -> str:
    return person.csrf if person else request.cookies.get(CSRF_COOKIE, "")


async def checked_form(request: Request, wanted: str, fields: int, *, files: int = 1) -> AsyncIterator[FormData]:
    """The posted form, if its token is ``wanted``. Raises ``Refused("session.csrf")``."""
    demand_form(request)
    async with posted_form(request, files=files, fields=fields) as data:
        given = data.get("csrf")
        if not isinstance(given, str) or not wanted or not hmac.compare_digest(given.encode(), wanted.encode()):
            raise Refused("session.csrf", "页面已失效，请刷新后重新提交。", remedy="请返回上一页，刷新后重试。")
        yield data


def demand_form(request: Request) -> None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("multipart/form-data", "application/x-www-form-urlencoded"):
        raise UnsupportedMedia("request.media_type", "表单应以 multipart/form-data 提交。")


async def upload(request: Request, data: FormData) -> tuple[bytes, str]:
    """``(content, name)`` of the form's ``file``; raises ``Malformed("upload.missing")``."""
    given = data.get("file")
    if not isinstance(given, UploadFile):
        raise Malformed("upload.missing", "没有收到文件，请选择一份证照文件。", remedy="表单字段名应为 file。")
    content = await given.read()
    _check_size(request, content)
    return content, "".join(char for char in given.filename or "" if char.isprintable())[:200]


def _check_size(request: Request, content: bytes) -> None:
    limit = request.app.state.settings.upload_limit
    if len(content) > limit:
        raise TooLarge("request.too_large", "文件超过 {limit} 字节的上限。", limit=limit)
    if not content:
        raise Malformed("upload.empty", "文件是空的。", remedy="请选择一份证照文件。")


async def document(request: Request) -> bytes:
    """The document a program sends: the field ``file`` of a form, or the body itself."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        async with posted_form(request) as data:
            return (await upload(request, data))[0]
    if kind not in DOCUMENT_TYPES:
        raise UnsupportedMedia(
            "request.media_type",
            "Content-Type 应为 multipart/form-data 或 {allowed} 之一。",
            allowed="、".join(DOCUMENT_TYPES),
        )
    content = await request.body()
    _check_size(request, content)
    return content


async def body(request: Request) -> bytes:
    """The body as it came, for its digest."""
    return await request.body()


# Systems: a bearer token


@dataclass(frozen=True, slots=True)
class Caller:
    """接入系统: the token's grant, and the actor for the journal."""

    grant: TokenGrant
    actor: Actor


def caller(request: Request, found: Annotated[Services, Depends(services)]) -> Caller:
    """The system behind ``Authorization: Bearer``; raises ``Unauthenticated``."""
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise Unauthenticated("token.missing", "请在 Authorization 头中出示接口令牌（Bearer）。")
    grant = found.accounts.token(secret.strip())
    return Caller(grant, Actor(f"{grant.account}/{grant.label}"[:100], None, address_of(request), "http"))


def maybe_caller(request: Request, found: Annotated[Services, Depends(services)]) -> Caller | None:
    """As ``caller``, where strangers are welcome too; a wrong token is still refused."""
    return caller(request, found) if request.headers.get("authorization") else None


def purpose(
    purpose: Annotated[str | None, Query(description="Why personal data is read; journalled")] = None,
    licence_purpose: Annotated[
        str | None,
        Header(alias="Licence-Purpose", description="The same as a header, percent-encoded UTF-8; either is required"),
    ] = None,
) -> str:
    """查阅事由, declared in the query or in ``Licence-Purpose``; raises ``Malformed("purpose.missing")``."""
    text = (purpose or unquote(licence_purpose or "")).strip()
    if not text:
        raise Malformed(
            "purpose.missing",
            "读取个人信息应说明事由。",
            remedy="请以查询参数 purpose 或请求头 Licence-Purpose 说明事由。",
        )
    if len(text) > PURPOSE_LENGTH or not text.isprintable():
        raise Unreadable("purpose.malformed", "事由应为不超过 {limit} 个字符的一行文字。", limit=PURPOSE_LENGTH)
    return text


def idempotency_key(
    idempotency_key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            description="Required: a value of your own, unique per request, kept when you retry",
        ),
    ] = None,
) -> str:
    """``Idempotency-Key``; raises ``Malformed("idempotency.missing")``."""
    if not idempotency_key:
        raise Malformed(
            "idempotency.missing",
            "该请求应带 Idempotency-Key 头。",
            remedy="请为每个新请求生成一个唯一值，重试时沿用原值。",
        )
    return idempotency_key


def stranger(request: Request, found: Annotated[Services, Depends(services)]) -> Actor:
    """Anybody, within the rate the settings allow."""
    address = address_of(request)
    found.public_rate.admit(address)
    return Actor("anonymous", None, address, "page")
