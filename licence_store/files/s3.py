"""证照文件库 in an object store: any that speaks the S3 API, by URL.

    s3://bucket/prefix?endpoint=https://store.example:9000&region=cn-north-1

Keys are ``prefix/<2 hex>/<62 hex>``. A file is put with ``If-None-Match: *``: whoever is first puts it, nobody puts it
again; a store that does not know the condition is asked first. Credentials are found as every program of this kind
finds them (``AWS_ACCESS_KEY_ID`` and so on, a profile, the machine's role); they never stand in the URL. A store that
is away, slow or refuses is ``Unavailable``: nothing is issued meanwhile, what was reserved waits.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from threading import Lock
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from licence_store.files.store import check_content
from trust.algorithms import sm3
from trust.errors import Malformed, NotFound, Unavailable

ATTEMPTS: Final = 3
_AT_ONCE: Final = 8
"""Files on their way at the same time."""



@dataclass(frozen=True)
class S3Store:
    """证照文件库 in an object store. Implements ``FileStore``."""

    bucket: str
    prefix: str = ""
    endpoint: str | None = None
    region: str | None = None
    swept_at_start: bool = False
    _made: list[Any] = field(default_factory=list, repr=False, compare=False)
    _lock: Lock = field(default_factory=Lock, repr=False, compare=False)

    @classmethod
    def of(cls, url: str) -> S3Store:
        """The store at ``s3://bucket/prefix?endpoint=…&region=…``; raises ``Malformed("files.url")``."""
        try:
            parts = urlsplit(url)
            asked = parse_qs(parts.query, strict_parsing=bool(parts.query))
            endpoint, region = (asked.pop(name, [None])[0] for name in ("endpoint", "region"))
            bad = parts.username or parts.password or parts.port or parts.fragment or asked or not parts.hostname
            if parts.scheme != "s3" or bad or not (endpoint or "https://x").startswith(("http://", "https://")):
                raise ValueError(url)
        except ValueError:
            raise Malformed(
                "files.url",
                "证照文件库地址无效：应为 s3://桶/前缀?endpoint=https://…&region=…，不含凭据。",
                remedy="凭据请放在 AWS_ACCESS_KEY_ID、AWS_SECRET_ACCESS_KEY 等环境变量中。",
            ) from None
        return cls(parts.netloc, parts.path.strip("/"), endpoint, region)

    @property
    def address(self) -> str:
        where = f"s3://{self.bucket}/{self.prefix}".rstrip("/")
        return where + (f" ({self.endpoint})" if self.endpoint else "")

    def check(self) -> None:
        """Raises ``Unavailable("files.away")``."""
        with _readable():
            self._client.head_bucket(Bucket=self.bucket)

    def put(self, data: bytes, digest: bytes | None = None) -> str:
        name = (digest or sm3(data)).hex()
        with _readable():
            self._put(name, data)
        return name

    def put_many(self, files: Sequence[tuple[bytes, bytes]]) -> list[str]:
        """Keep ``(data, SM3 of it)`` pairs, several on their way at once; answers the digests in hex."""
        if len(files) == 1:
            return [self.put(*files[0])]
        with ThreadPoolExecutor(min(_AT_ONCE, len(files) or 1)) as hands:
            return list(hands.map(lambda one: self.put(*one), files))

    def _put(self, name: str, data: bytes) -> None:
        from botocore.exceptions import ClientError

        where = {"Bucket": self.bucket, "Key": self._key(name)}
        try:
            self._client.put_object(**where, Body=data, IfNoneMatch="*")
        except ClientError as error:
            code = _code(error)
            if code in ("PreconditionFailed", "412", "ConditionalRequestConflict", "409"):
                if self._is_damaged(name):
                    self._client.put_object(**where, Body=data)
            elif code in ("NotImplemented", "501"):
                if self._is_damaged(name):  # or absent: this store cannot tell by itself
                    self._client.put_object(**where, Body=data)
            else:
                raise

    def _is_damaged(self, name: str) -> bool:
        """Is what stands under this name something else, or nothing?"""
        try:
            self.get(name)
        except NotFound:
            return True
        except Unavailable as error:
            if error.code != "files.damaged":
                raise
            return True
        return False

    def get(self, digest: str) -> bytes:
        """The file with this SM3 (hex).

        Raises ``NotFound("files.unknown")``, ``Unavailable("files.damaged", "files.away")``.
        """
        from botocore.exceptions import ClientError

        try:
            with _readable(passing=("NoSuchKey", "404")):
                data: bytes = self._client.get_object(Bucket=self.bucket, Key=self._key(digest))["Body"].read()
        except ClientError as error:
            raise NotFound("files.unknown", "证照文件 {digest} 不在存储中。", digest=digest[:16]) from error
        check_content(data, digest)
        return data

    def digests(self, after: str = "") -> Iterator[str]:
        """The SM3 (hex) of every file kept, by name only, in order, from the one after ``after``."""
        return (digest for digest, _ in self._listed(after))

    def sweep(self, known: Callable[[list[str]], Collection[str]], *, older_than: float = 3600.0) -> int:
        """Remove files that no record names and that have lain for ``older_than`` seconds; says how many."""
        before, removed = datetime.now(UTC) - timedelta(seconds=older_than), 0
        old = (digest for digest, put in self._listed("") if put <= before)
        while some := list(islice(old, 500)):
            for digest in sorted(set(some) - set(known(some))):
                self.discard(digest)
                removed += 1
        return removed

    def discard(self, digest: str) -> None:
        """Remove a file that no record names and none will."""
        with _readable():
            self._client.delete_object(Bucket=self.bucket, Key=self._key(digest))

    def _listed(self, after: str) -> Iterator[tuple[str, datetime]]:
        start = {"StartAfter": self._key(after)} if after else {}
        with _readable():
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=f"{self.prefix}/" if self.prefix else "", **start
            )
            for page in pages:
                for one in page.get("Contents", ()):
                    digest = "".join(one["Key"].rsplit("/", 2)[-2:])
                    if self._key(digest) == one["Key"] and len(digest) == 64:
                        yield digest, one["LastModified"]

    def _key(self, digest: str) -> str:
        return "/".join(part for part in (self.prefix, digest[:2], digest[2:]) if part)

    @property
    def _client(self) -> Any:
        with self._lock:
            if not self._made:
                with _readable():
                    self._made.append(_connect(self.endpoint, self.region))
            return self._made[0]


def _connect(endpoint: str | None, region: str | None) -> Any:
    import boto3  # here: it costs a third of a second, and only this store needs it
    from botocore.config import Config

    settings = Config(
        connect_timeout=5,
        read_timeout=30,
        max_pool_connections=_AT_ONCE * 4,
        retries={"max_attempts": ATTEMPTS, "mode": "standard"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={"addressing_style": "path" if endpoint else "auto"},
    )
    return boto3.session.Session().client("s3", endpoint_url=endpoint, region_name=region, config=settings)


@contextmanager
def _readable(passing: tuple[str, ...] = ()) -> Iterator[None]:
    """Turn the library's errors into ours, but those with a code of ``passing``."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        if _code(error) in passing:
            raise
        raise _away(_code(error)) from error
    except (BotoCoreError, OSError) as error:
        raise _away(type(error).__name__) from error


def _code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _away(reason: str) -> Unavailable:
    return Unavailable(
        "files.away",
        "对象存储暂时不可用（{reason}）。",
        remedy="请检查对象存储的地址、凭据和网络，恢复后重试。",
        reason=reason,
    )
