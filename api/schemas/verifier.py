"""For whoever was shown a licence: the verdict, in the shape of the console contract."""

from __future__ import annotations

from pydantic import BaseModel, Field


class FindingBody(BaseModel):
    """One finding."""

    code: str
    severity: str = Field(description="error, warning or info")
    message: str


class TimeBody(BaseModel):
    """签章时间: proved by a time stamp, or only claimed."""

    value: str
    proved: bool


class SealBody(BaseModel):
    """电子印章."""

    id: str
    name: str


class SignatureBody(BaseModel):
    """The answer for one seal or signature."""

    kind: str
    structure: str
    signer: str
    seal: SealBody | None = None
    time: TimeBody | None = None
    indication: str
    sub_indication: str | None
    findings: list[FindingBody]


class VerificationBody(BaseModel):
    """核验结论."""

    indication: str = Field(description="TOTAL-PASSED, INDETERMINATE or TOTAL-FAILED", examples=["TOTAL-PASSED"])
    sub_indication: str | None = Field(description="Words of ETSI EN 319 102-1, or LICENCE_<STATE>")
    document: dict[str, str | int]
    signatures: list[SignatureBody]
    findings: list[FindingBody]
