"""For system administrators: certificates of our own authorities."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from api.schemas.common import Answer
from api.schemas.seals import Moment, moment
from trust.profiles import Role
from verify.report import rfc3339

if TYPE_CHECKING:
    from trust.certificates import Certificate


def _plain(text: object) -> object:
    return text.strip() if isinstance(text, str) else text


class CertificateRequestBody(BaseModel):
    """证书请求."""

    model_config = ConfigDict(extra="forbid")

    request: Annotated[str, BeforeValidator(_plain)] = Field(min_length=1, max_length=65536, description="PKCS#10, PEM")
    role: Role = Field(default=Role.SIGNER, description="What the certificate is for")
    days: int = Field(default=730, ge=1, le=3650)
    reason: str = Field(default="", max_length=500)


class RevocationBody(BaseModel):
    """废止."""

    model_config = ConfigDict(extra="forbid")

    cause: str = Field(default="unspecified", max_length=40, description="RFC 5280's reasons, e.g. key_compromise")
    since: Moment | None = Field(default=None, description="Since when the key was unsafe, if known (RFC 3339)")
    reason: str = Field(default="", max_length=500)

    @property
    def since_moment(self) -> datetime | None:
        """``since`` as a moment."""
        return moment(self.since)


class CertificateAnswer(Answer):
    """证书."""

    serial: str = Field(description="Hexadecimal")
    subject: str
    not_before: str
    not_after: str
    digest: str = Field(description="SM3 of the DER, hex")
    certificate: str = Field(description="PEM")


class RevokedAnswer(Answer):
    """废止 of a certificate."""

    serial: str
    subject: str
    revoked: bool


def certificate(made: Certificate) -> dict[str, object]:
    """A certificate as it is told."""
    return CertificateAnswer(
        serial=f"{made.serial:x}",
        subject=made.subject,
        not_before=rfc3339(made.not_before),
        not_after=rfc3339(made.not_after),
        digest=made.digest.hex(),
        certificate=made.to_pem().decode("ascii"),
    ).model_dump()
