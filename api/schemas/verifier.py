"""For whoever was shown a licence: the verdict, in the shape of the console contract."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


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


class OriginalBody(BaseModel):
    """原件 of a copy, told by its digest."""

    kind: str = Field(description="licence or material")
    id: str
    title: str
    issuer: str
    sm3: str
    check_required: bool = Field(description="Whoever takes the copy must see the original")


class CopyTermsBody(BaseModel):
    """用证副本: its terms as they stand in the file."""

    id: str
    level: str = Field(description="可信等级 A to D of the original")
    recipient: str
    purpose: str
    service_item: str
    case_number: str
    made: str
    until: str
    uses: int = Field(description="How many times it may be accepted; 0: not limited")
    by: str
    region: str
    masked: list[str]
    original: OriginalBody
    watermark: list[str]


class EntitlementBody(BaseModel):
    """权限: what the trust list says of another region's right to seal this document."""

    region: str
    region_name: str
    division: str
    type: str
    list: int
    entitled: bool
    level: str = Field(description="A, where its region is entitled; else empty")


class TrustListBody(BaseModel):
    """信任列表 by which documents of other regions are judged, and how old it is."""

    number: int
    issued_at: str
    next_update: str
    age_seconds: int
    fresh: bool
    entitlement: EntitlementBody | None = None


class VerificationBody(BaseModel):
    """核验结论."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "indication": "TOTAL-FAILED",
                "sub_indication": "HASH_FAILURE",
                "document": {
                    "format": "OFD",
                    "digest": "c09f…",
                    "licence_number": "20269900000000001",
                    "version": "001",
                },
                "signatures": [
                    {
                        "kind": "seal",
                        "structure": "SES-V4",
                        "signer": "演示省教育厅",
                        "seal": {"id": "99000000000002", "name": "演示省教育厅电子证照专用章"},
                        "time": {"value": "2026-11-22T08:00:00Z", "proved": True},
                        "indication": "TOTAL-FAILED",
                        "sub_indication": "HASH_FAILURE",
                        "findings": [
                            {
                                "code": "integrity.digest_mismatch",
                                "severity": "error",
                                "message": "受签名保护的文件在签名之后被改动：Doc_0/Pages/Page_0/Content.xml。",
                            }
                        ],
                    }
                ],
                "findings": [],
            }
        }
    )

    indication: str = Field(description="TOTAL-PASSED, INDETERMINATE or TOTAL-FAILED", examples=["TOTAL-PASSED"])
    sub_indication: str | None = Field(description="Words of ETSI EN 319 102-1, or LICENCE_<STATE>")
    document: dict[str, str | int | CopyTermsBody] = Field(
        description="format, digest (SM3, hex); of a licence licence_id, licence_number, version; of a copy `copy`"
    )
    signatures: list[SignatureBody]
    findings: list[FindingBody]
    trust_list: TrustListBody | None = Field(None, description="Of a node that has one")
