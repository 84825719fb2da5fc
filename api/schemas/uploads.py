"""上传: what portals are told of a file they handed in."""

from __future__ import annotations

from pydantic import BaseModel, Field


class SignatureAnswer(BaseModel):
    """One seal or signature on the file."""

    signer: str
    seal: str = Field(description="Name of the seal; empty: a signature without one")
    indication: str
    sub_indication: str
    time: str


class UploadAnswer(BaseModel):
    """A file that was taken, and what its checks said."""

    id: str
    kind: str
    name: str
    digest: str = Field(description="SM3 of the file as kept")
    received: str = Field(description="SM3 of the file as it came; photos are drawn anew")
    media_type: str
    size: int
    pages: int
    width: int
    height: int
    dpi: int = Field(description="0: not known")
    warnings: list[str]
    indication: str | None = Field(description="Of a file with seals or signatures: what the verifier says")
    signatures: list[SignatureAnswer]
    created: str


class SealRequest(BaseModel):
    """Which seal of the holder's own."""

    seal: str = Field(max_length=64, description="Code of an applicant's seal in the seal register")


class MeterAnswer(BaseModel):
    """How much room the holder has."""

    used: int
    limit: int
    left: int
    count: int
    most: int


class UploadList(BaseModel):
    items: list[UploadAnswer]
    meter: MeterAnswer
