"""PDF 签章结构: the names our sealed PDFs use, for whoever writes and whoever checks them. No keys, no drawing.

A seal is a signature field (ISO 32000-1, 12.8). Its dictionary carries, inside the octets it signs, the seal object
(``SEAL_KEY``, GB/T 38540) and the licence's disclosure root (``DISCLOSURE_KEY``), so that a verifier asks of a PDF
what it asks of an OFD file: whose seal, made by whom, may this signer use it.
"""

from __future__ import annotations

from typing import Final

SEAL_KEY: Final = "LT_Seal"
"""Entry of a signature dictionary: DER of the SES seal object, a string."""
DISCLOSURE_KEY: Final = "LT_Disclosure"
"""Entry of a signature dictionary: the disclosure root of the data message, a string of 32 octets."""

MESSAGE_FILE: Final = "licence.json"
"""Embedded file: the data message (``AFRelationship`` Data)."""
DIGESTS_FILE: Final = "digests.json"
"""Embedded file: the digests of its fields (``AFRelationship`` Supplement)."""
THUMBNAIL_FILE: Final = "thumbnail.jpg"
"""Embedded file: the thumbnail (``AFRelationship`` Supplement)."""

FILTER: Final = "Adobe.PPKLite"
CADES: Final = "ETSI.CAdES.detached"
"""SubFilter: CMS with signed attributes, PAdES (EN 319 142-1)."""
DOCUMENT_TIMESTAMP: Final = "ETSI.RFC3161"
"""SubFilter of a document time stamp (EN 319 142-1, 5.4.3)."""
SES_FILTER: Final = "GM.PKILite"
SES: Final = "GM.sm2seal"
"""SubFilter of an SES_Signature in ``Contents``. UNSURE: seen in products, in no standard that was at hand."""

SM2_SEAL_LEVEL: Final = 2
"""DocMDP P of the first seal: filling in and signing stay allowed, all else does not (12.8.2.2)."""

SIGNED_DATA: Final = "1.2.840.113549.1.7.2"
DATA: Final = "1.2.840.113549.1.7.1"
CONTENT_TYPE: Final = "1.2.840.113549.1.9.3"
MESSAGE_DIGEST: Final = "1.2.840.113549.1.9.4"
SIGNING_CERTIFICATE_V2: Final = "1.2.840.113549.1.9.16.2.47"
SIGNATURE_TIMESTAMP: Final = "1.2.840.113549.1.9.16.2.14"

POINTS_PER_MM: Final = 72 / 25.4
