"""签名后的改动: what was added to a PDF after a signature, and does the signature allow it (ISO 32000-1, 12.8.2)?

Every later revision is compared with the one before by pyHanko's difference analysis, with rules stricter than its
own: document information, metadata and annotations may not be exchanged, viewers not told to draw fields anew, and
into a licence or copy no objects slipped that nobody refers to. What remains allowed: further signatures and time
stamps in their fields, material for long-term validation, and, in a form that is neither of ours, filled-in fields.
"""

from __future__ import annotations

from pyhanko.sign.diff_analysis import (
    CatalogModificationRule,
    DSSCompareRule,
    FormUpdatingRule,
    GenericFieldModificationRule,
    ModificationLevel,
    ObjectStreamRule,
    SigFieldCreationRule,
    SigFieldModificationRule,
    StandardDiffPolicy,
    SuspiciousModification,
    XrefStreamRule,
)
from pyhanko.sign.fields import MDPPerm

from trust.errors import CheckFailed
from verify.pdf import growth
from verify.pdf.metadata import OnlyDatesInInfo, OnlyDatesInXMP
from verify.pdf.opening import BROKEN, OpenedPDF, PDFSignature
from verify.report import Indication

FAILED, INDETERMINATE = Indication.FAILED, Indication.INDETERMINATE


def _policy(*, licence: bool) -> StandardDiffPolicy:
    """The rules; of a licence or a copy nothing is filled in."""
    fields = [SigFieldCreationRule(), SigFieldModificationRule()]
    catalog, form = {"/AcroForm", "/DSS", "/Extensions", "/Metadata", "/Version"}, {"/Fields"}
    if not licence:
        fields.append(GenericFieldModificationRule())
        catalog, form = {*catalog, "/MarkInfo"}, {*form, "/DR", "/DA", "/Q"}
    return StandardDiffPolicy(
        global_rules=[
            CatalogModificationRule(frozenset(catalog)),
            OnlyDatesInInfo().as_qualified(ModificationLevel.LTA_UPDATES),
            OnlyDatesInXMP().as_qualified(ModificationLevel.LTA_UPDATES),
            DSSCompareRule().as_qualified(ModificationLevel.LTA_UPDATES),
            XrefStreamRule().as_qualified(ModificationLevel.LTA_UPDATES),
            ObjectStreamRule().as_qualified(ModificationLevel.LTA_UPDATES),
        ],
        form_rule=FormUpdatingRule(field_rules=fields, ignored_acroform_keys=frozenset(form)),
        ignore_orphaned_objects=not licence,
    )


_LICENCE, _OTHER = _policy(licence=True), _policy(licence=False)


def check_coverage(opened: OpenedPDF, signature: PDFSignature) -> None:
    """覆盖: does the signature cover all of its revision, from the first octet on?"""
    if signature.end and not signature.whole_revision:
        raise CheckFailed(
            FAILED,
            "FORMAT_FAILURE",
            "pdf.coverage",
            "签名“{field}”没有覆盖其修订的全部内容，未覆盖的内容可能是签名后加上的。",
            field=signature.id,
        )


def check_changes(opened: OpenedPDF, signature: PDFSignature, certified: int | None) -> tuple[str, ...]:
    """改动: is everything added after the signature allowed? Answers the form fields filled in since.

    ``certified`` is P of the document's certification, ``None`` without one.
    """
    if signature.revision >= opened.revisions - 1:
        return ()
    opened.check_time()
    licence = opened.message is not None or opened.copy is not None
    policy = _LICENCE if licence else _OTHER
    permission = MDPPerm(certified) if certified in (1, 2, 3) else None
    try:
        result = policy.review_file(opened.reader, signature.revision, signature.locks, permission)
        plain = growth.is_plain(opened, signature, licence=licence)
    except BROKEN as error:
        result, plain = SuspiciousModification(str(error)), False
    if isinstance(result, SuspiciousModification) or not plain:
        raise _refused(signature, certified)
    level = result.modification_level
    if level >= ModificationLevel.ANNOTATIONS or (certified == 1 and level > ModificationLevel.LTA_UPDATES):
        raise _refused(signature, certified)
    signed = {one.id for one in (*opened.signatures, *opened.stamps)}
    return tuple(sorted(set(map(str, result.changed_form_fields)) - signed))


def _refused(signature: PDFSignature, certified: int | None) -> CheckFailed:
    return CheckFailed(
        FAILED,
        "FORMAT_FAILURE",
        "pdf.changed",
        "签名“{field}”之后，文件内容被改动（增量更新），超出签名允许的范围（P={level}）。",
        field=signature.id,
        level=certified if certified is not None else "-",
    )


def check_one_certification(opened: OpenedPDF) -> int | None:
    """认证签名: at most one, the first (12.8.2.2.1). Answers what it allows; raises ``CheckFailed``."""
    certifying = [one for one in opened.signatures if one.certifies is not None]
    if len(certifying) > 1 or (certifying and certifying[0] is not opened.signatures[0]):
        raise CheckFailed(
            FAILED,
            "FORMAT_FAILURE",
            "pdf.certification",
            "文件的认证签名（DocMDP）应只有一个，且为第一个签名，实有 {count} 个。",
            count=len(certifying),
        )
    return certifying[0].certifies if certifying else None
