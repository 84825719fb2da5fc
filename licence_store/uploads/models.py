"""上传的表: what was received, and the key that opens it while it is kept."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from seal.database import Base


class Upload(Base):
    """上传: append-only. It stays when the file goes, so that what was shown once can still be told apart."""

    __tablename__ = "upload"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    """``u-`` and 32 hex digits."""
    kind: Mapped[str] = mapped_column(String(32))
    """The kind of material, see ``uploads.limits``."""
    digest: Mapped[str] = mapped_column(String(64), index=True)
    """SM3 of the file as it is kept, in clear."""
    received: Mapped[str] = mapped_column(String(64))
    """SM3 of the file as it came: a photo is drawn anew, so the two may differ."""
    media_type: Mapped[str] = mapped_column(String(64))
    size: Mapped[int] = mapped_column(BigInteger)
    """Octets in clear, as kept."""
    pages: Mapped[int]
    width: Mapped[int]
    """Dots of the first page at its resolution, with the next two."""
    height: Mapped[int]
    dpi: Mapped[int]
    """0: not known."""
    findings: Mapped[str] = mapped_column(Text)
    """JSON: what the checks said, and the signatures the file bears."""
    created: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(100))


class UploadKey(Base):
    """上传的密钥: whose it is, its name, where its ciphertext lies and the key; gone when the upload is dropped."""

    __tablename__ = "upload_key"

    upload_id: Mapped[str] = mapped_column(ForeignKey("upload.id"), primary_key=True)
    owner: Mapped[str] = mapped_column(String(64), index=True)
    """The holder's code."""
    name: Mapped[str] = mapped_column(String(200))
    """As the file was called, for the owner to know it again."""
    file: Mapped[str] = mapped_column(String(64), index=True)
    """SM3 of the ciphertext: its name in the file store."""
    size: Mapped[int] = mapped_column(BigInteger)
    wrapped: Mapped[bytes] = mapped_column(LargeBinary)
    master: Mapped[int] = mapped_column(BigInteger, index=True, server_default="0")
    """Number of the master key that opens ``wrapped``."""
