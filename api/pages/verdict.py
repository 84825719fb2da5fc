"""核验结论页: a ``Report`` in words for the person who holds the document.

Nothing is decided here. Each question of the verifier becomes one line whose tone is that of the worst finding in its
area; the advice follows from the sub-indication.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from seal.kinds import KINDS
from trust.errors import fill
from trust.i18n import N_
from verify.advice import advice_for
from verify.policy import STATE_NAMES
from verify.report import CertificateInfo, Finding, Indication, Report, SealInfo, Severity, SignatureReport

Translate = Callable[[str], str]
BEIJING = timezone(timedelta(hours=8), "CST")
TONES = {Indication.PASSED: "pass", Indication.INDETERMINATE: "unsure", Indication.FAILED: "fail"}
TITLES = {"pass": N_("核验通过"), "unsure": N_("无法确认"), "fail": N_("核验未通过")}


@dataclass(frozen=True, slots=True)
class Aspect:
    """One question of the verification and its answer."""

    title: str
    tone: str
    text: str


@dataclass(frozen=True, slots=True)
class FindingView:
    """A finding with its mark."""

    tone: str
    word: str
    message: str
    advice: str
    """What to do about this one."""
    code: str
    where: str


@dataclass(frozen=True, slots=True)
class SignatureView:
    """One seal or signature as a list of facts."""

    title: str
    rows: list[tuple[str, str]]
    picture: str
    """As an address; of an altered document in the invalid style (R074)."""
    invalid: bool
    seal_name: str
    seal_id: str
    width: str
    """Of the picture at true size, e.g. ``42mm``."""
    height: str
    seal: list[tuple[str, str]]
    certificates: list[tuple[str, list[tuple[str, str]]]]
    """The signer's, then the seal maker's: whose, and its facts."""
    covered: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class VerdictView:
    """Everything the verdict page shows."""

    tone: str
    title: str
    sentence: str
    word: str
    advice: list[str]
    aspects: list[Aspect]
    face: list[tuple[str, str]]
    face_note: str
    findings: list[FindingView]
    signatures: list[SignatureView]
    document: list[tuple[str, str]]
    copy: list[tuple[str, str]]
    """用证副本: what it is for."""


def verdict_view(report: Report, name: str, translate: Translate, language: str = "zh-CN") -> VerdictView:
    """The verdict page's content for ``report`` on the file called ``name``."""
    tone = TONES[report.indication]
    word = str(report.indication) + (f" / {report.sub_indication}" if report.sub_indication else "")
    return VerdictView(
        tone,
        translate(TITLES[tone]),
        _sentence(report, translate),
        word,
        [translate(step) for step in _advice(report)],
        list(_aspects(report, translate)),
        [(title, text) for _, title, text in report.face],
        translate(_FACE_NOTES[tone]),
        sorted(_findings(report, translate), key=lambda one: _ORDER[one.tone]),
        [_signature(one, is_altered(report), language, translate) for one in report.signatures],
        _document(report, name, translate),
        _copy(report, translate),
    )


_COPY_ROWS = (
    ("purpose", N_("仅供用途")),
    ("recipient", N_("使用单位")),
    ("service_item", N_("办理事项")),
    ("case_number", N_("办件编号")),
    ("level", N_("可信等级")),
    ("by", N_("副本制作单位")),
    ("id", N_("副本编号")),
)


def _copy(report: Report, translate: Translate) -> list[tuple[str, str]]:
    """用证副本: for what, by whom, until when; as the file states it."""
    copy = report.copy
    if copy is None:
        return []
    rows = [(translate(title), str(copy[key])) for key, title in _COPY_ROWS]
    rows.insert(2, (translate("副本有效期至"), _last_moment(str(copy["until"]))))
    if copy["uses"]:
        rows.insert(3, (translate("限用次数"), str(copy["uses"])))
    original = copy["original"]
    assert isinstance(original, dict)
    rows.append((translate("原件"), f"{original['title']} · {original['id']}"))
    rows.append((translate("原件摘要（SM3）"), str(original["sm3"])))
    return [(title, text) for title, text in rows if text]


def _last_moment(until: str) -> str:
    """The last second before the end: a copy until the 31st is not said to be valid until the 1st."""
    return when(datetime.fromisoformat(until) - timedelta(seconds=1))


_FACE_NOTES = {
    "pass": N_("这是盖章时写入文件的数据，请与您看到的画面、纸面逐项对照。"),
    "unsure": N_("这是文件自称的数据，尚未得到确认。"),
    "fail": N_("这是文件自称的数据，不可采信。"),
}
_ORDER = {"fail": 0, "unsure": 1, "info": 2}


def when(moment: datetime | None) -> str:
    """A moment for people: Beijing time, to the second."""
    return moment.astimezone(BEIJING).strftime("%Y-%m-%d %H:%M:%S") if moment else ""


def _sentence(report: Report, translate: Translate) -> str:
    """The verdict in one sentence: who sealed it, when, and the one thing that decides."""
    if report.indication is Indication.PASSED:
        first = report.signatures[0]
        if report.copy is not None:
            said = translate("这是“{by}”制作的用证副本，仅供“{recipient}”用于“{purpose}”，没有被改动。")
            return fill(said, report.copy)
        named = {"who": first.seal.name if first.seal else first.signer, "when": when(first.time)}
        if first.time_proved:
            return fill(translate("文件由“{who}”于 {when} 盖章，此后没有改动；盖章时证书有效。"), named)
        return fill(translate("文件由“{who}”盖章，此后没有改动；盖章时间（自称 {when}）没有第三方证明。"), named)
    deciding = [f for f in _every(report) if f.indication is report.indication]
    if deciding:
        return deciding[0].message(translate)
    return translate("文件里没有任何电子签章或签名，无法说明它由谁出具、是否改动过。")


def _every(report: Report) -> list[Finding]:
    return [*report.findings, *(f for one in report.signatures for f in one.findings)]


_PASSED = (
    N_("可以采信这份文件；办理时请核对持证者身份。"),
    N_("核对下面的证照内容与您看到的画面是否一致。"),
)
_PASSED_COPY = (
    N_("可以在所说明的用途之内采用这份副本；采用时请在系统中登记，次数以登记为准。"),
    N_("核对副本上的水印与办理事项是否一致，并核对持证者身份。"),
)
_FAILED = (
    N_("请勿采信这份文件，也不要据此办理业务。"),
    N_("请持证者从签发部门或政务服务平台重新获取原始文件。"),
    N_("如怀疑伪造或篡改，请保留文件并联系签发部门。"),
)
_ADVICE: dict[str, tuple[str, ...]] = {
    "NO_SIGNATURE_FOUND": (
        N_("这可能是打印件的扫描或转换后的文件；请持证者提供原始的 OFD 电子证照。"),
        N_("在取得原始文件之前，请勿据此办理业务。"),
    ),
    "NO_CERTIFICATE_CHAIN_FOUND": (
        N_("我们不认识签发这份印章或证书的机构。若它来自其他地区，请导入该地区的信任列表后再验。"),
        N_("在确认签发机构之前，请勿据此办理业务。"),
    ),
    "REVOKED_NO_POE": (N_("签章证书已被吊销，而文件没有可信时间证明签章早于吊销；请持证者重新领取证照。"),),
    "OUT_OF_BOUNDS_NO_POE": (N_("证书已过有效期，而文件没有可信时间证明签章时证书有效；请持证者重新领取证照。"),),
    "TRY_LATER": (N_("暂时拿不到最新的吊销信息；请稍后再验。"),),
    "ENTITLEMENT_MISSING": (
        N_("信任列表没有授权该地区签发此类证照：不能按 A 级采信。"),
        N_("请作为需要核对的材料办理（核对后可作 B 级），或向证照所属地区核实。"),
    ),
    "TRUST_LIST_EXPIRED": (N_("本节点的信任列表已到期，请管理员更新后再验。"),),
    "LICENCE_STATUS_AS_OF": (N_("证照所属地区暂时无法访问，此后的变动不详；请稍后再验，或向颁证单位核实。"),),
    "LICENCE_STATUS_UNKNOWN": (N_("证照所属地区没有说明证照的状态；请稍后再验，或向颁证单位核实。"),),
    "LICENCE_SUSPENDED": (N_("证照处于暂扣状态，请向签发部门了解情况。"),),
    "LICENCE_LOST": (N_("证照已挂失。请核对持证者身份，并与签发部门联系。"),),
    "LICENCE_INSPECTION_OVERDUE": (N_("证照未按期年检，请持证者先办理年检。"),),
    "LICENCE_EXPIRED": (N_("证照已过有效期，请持证者换发。"), N_("请勿据此办理业务。")),
    "LICENCE_SUPERSEDED": (N_("证照已有新版本，请持证者提供最新的文件。"), N_("请勿据此办理业务。")),
    "LICENCE_REVOKED": (N_("证照已被吊销，请勿据此办理业务。"),),
    "LICENCE_ANNULLED": (N_("证照已被撤销，请勿据此办理业务。"),),
    "LICENCE_CANCELLED": (N_("证照已注销，请勿据此办理业务。"),),
    "COPY_PURPOSE_NOT_STATED": (N_("这是一份用证副本：请写明用途后再核验。"),),
    "COPY_PURPOSE_DIFFERS": (N_("副本只能用于它写明的用途，请持证者为本次办理另行制作。"),),
    "COPY_RECIPIENT_DIFFERS": (N_("副本不是为您所在的单位制作的，请持证者另行制作。"),),
    "COPY_SERVICE_ITEM_DIFFERS": (N_("副本只能用于它写明的事项，请持证者为本次办理另行制作。"),),
    "COPY_CASE_DIFFERS": (N_("副本只能用于它写明的办件，请持证者为本次办理另行制作。"),),
    "COPY_EXPIRED": (N_("副本已过有效期，请持证者重新制作。"),),
    "COPY_REVOKED": (N_("持证者已收回这份副本，请勿采用。"),),
    "COPY_USED_UP": (N_("副本的使用次数已经用完，请持证者重新制作。"),),
    "ORIGINAL_CHECK_REQUIRED": (N_("请先核对原件，一致后才能采用这份副本。"),),
    "LICENCE_TRANSFERRED": (N_("证照已转出本地区，请到现登记地核验。"),),
}
_UNSURE = (
    N_("按下面的说明补充材料后再核验；在此之前请勿据此办理业务。"),
    N_("如仍无法确认，请联系签发部门。"),
)


def _advice(report: Report) -> tuple[str, ...]:
    if report.indication is Indication.PASSED:
        return _PASSED if report.copy is None else _PASSED_COPY
    known = _ADVICE.get(report.sub_indication or "")
    return known or (_FAILED if report.indication is Indication.FAILED else _UNSURE)


_ASPECTS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    (
        N_("文件完整"),
        ("package", "format", "integrity", "coverage"),
        N_("看得到、读得到的内容都受签名保护，没有改动。"),
    ),
    (N_("印章可靠"), ("seal",), N_("印章由可信机构制作，签章人在印章名单内。")),
    (N_("签名有效"), ("signature",), N_("签名值与文件和证书相符。")),
    (N_("时间可证"), ("time", "timestamp"), N_("盖章时间由可信时间戳证明。")),
    (N_("证书可信"), ("certificate", "revocation", "signer"), N_("签章证书来自可信机构，当时有效且未吊销。")),
    (N_("证照数据一致"), ("message",), N_("数据电文与照面文字一致。")),
    (N_("证照现行有效"), ("licence",), N_("与证照库的登记一致，状态为有效。")),
)


_COPY_ASPECTS = (
    *_ASPECTS[:5],
    (N_("副本与条款一致"), ("copy-shown",), N_("照面、加注说明和水印都与副本条款一致，由证照副本专用章制作。")),
    (N_("用途相符"), ("copy",), N_("在副本写明的用途、期限和次数之内。")),
    (N_("原件现行有效"), ("licence",), N_("原件没有失效的登记。")),
)
_COPY_USE = ("COPY_PURPOSE", "COPY_RECIPIENT", "COPY_SERVICE", "COPY_CASE", "COPY_EXPIRED", "COPY_NOT_YET",
             "COPY_REVOKED", "COPY_USED", "COPY_STATUS", "ORIGINAL_CHECK")  # fmt: skip


def _aspects(report: Report, translate: Translate) -> Iterable[Aspect]:
    """One line per question; where nothing could be asked the line says so."""
    for title, areas, fine in _ASPECTS if report.copy is None else _COPY_ASPECTS:
        deciding = _worst([f for f in _every(report) if _area(f) in areas])
        if deciding is not None:
            yield Aspect(translate(title), _tone(deciding), deciding.message(translate))
        else:
            tone, text = _unasked(report, areas[0]) or ("pass", fine)
            yield Aspect(translate(title), tone, translate(text))
    mutual = [f for f in _every(report) if _area(f) == "entitlement"]
    if mutual:
        yield Aspect(translate(N_("跨地区互认")), _mutual_tone(mutual[0]), mutual[0].message(translate))


def _mutual_tone(finding: Finding) -> str:
    return "pass" if finding.severity is Severity.INFO else _tone(finding)


def _unasked(report: Report, area: str) -> tuple[str, str] | None:
    """Why a question without findings was not answered with yes either."""
    if not report.signatures:
        return "none", N_("没有签名，无从检查。")
    if area == "package" and not any(_value_stands(one) for one in report.signatures):
        return "unsure", N_("内容与签名所列相符，但签名本身没有得到确认。")
    if area == "seal" and not any(one.seal for one in report.signatures):
        return "none", N_("文件没有电子印章。")
    if area == "certificate" and not all(one.certificate for one in report.signatures):
        return "none", N_("没有签名人的证书，无从检查。")
    if area == "time" and not all(one.time for one in report.signatures):
        return "none", N_("文件没有说明签署时间。")
    if area == "time" and not all(one.time_proved for one in report.signatures):
        return "unsure", N_("盖章时间为文件自称，没有可信时间戳证明。")
    if area in ("message", "licence") and not report.metadata and report.copy is None:
        return "none", N_("文件里没有证照数据，不是电子证照。")
    return None


def _value_stands(one: SignatureReport) -> bool:
    """Nothing was found against the signature itself: what it lists is what was signed."""
    return not any(_area(f) == "signature" and f.severity is Severity.ERROR for f in one.findings)


def _area(finding: Finding) -> str:
    if finding.code.startswith("COPY_") or (finding.sub_indication or "").startswith(_COPY_USE):
        return "copy"
    if finding.code.startswith("copy."):
        return "copy-shown"
    return "licence" if finding.code.startswith("LICENCE_") else finding.code.partition(".")[0]


def _worst(findings: list[Finding]) -> Finding | None:
    """The finding that decides an area; a mere note does not."""
    serious = [f for f in findings if f.severity is not Severity.INFO]
    return max(serious, key=lambda f: (f.indication.rank, f.severity is Severity.ERROR), default=None)


def _tone(finding: Finding) -> str:
    if finding.severity is Severity.ERROR:
        return "unsure" if finding.indication is Indication.INDETERMINATE else "fail"
    return "unsure" if finding.severity is Severity.WARNING else "info"


_WORDS = {"fail": N_("错误"), "unsure": N_("注意"), "info": N_("说明")}


def _findings(report: Report, translate: Translate) -> Iterable[FindingView]:
    placed = [(f, "") for f in report.findings]
    placed += [(f, one.signer if len(report.signatures) > 1 else "") for one in report.signatures for f in one.findings]
    for finding, where in placed:
        tone = _tone(finding)
        advice = advice_for(finding.code)
        yield FindingView(
            tone,
            translate(_WORDS[tone]),
            finding.message(translate),
            translate(advice) if advice else "",
            finding.code,
            where,
        )


LEVELS = {
    "B-B": N_("基本签名，时间为自称"),
    "B-T": N_("带可信时间戳"),
    "B-LT": N_("带长期验证材料"),
    "B-LTA": N_("带存档时间戳"),
}
"""Levels of a signature in PDF (EN 319 142-1)."""


def _signature(one: SignatureReport, altered: bool, language: str, translate: Translate) -> SignatureView:
    """签章信息 (R073): who, when, what is protected, and what the seal and the certificates say."""
    proof = translate("（可信时间戳证明）") if one.time_proved else translate("（自称，未经证明）")
    rows = [
        (translate("结论"), translate(TITLES[TONES[one.indication]])),
        (translate("签章人"), one.signer),
        (translate("盖章时间"), when(one.time) + proof if one.time else ""),
        (translate("时间由谁证明"), one.time_authority),
        (translate("保护的内容"), _protects(one, translate)),
        (translate("结构"), one.structure),
        (translate("级别"), f"{one.level} · {translate(LEVELS[one.level])}" if one.level else ""),
        (translate("长期验证材料"), "、".join(one.evidence)),
    ]
    invalid = altered or one.indication is Indication.FAILED
    return SignatureView(
        translate("电子印章") if one.kind == "seal" else translate("数字签名"),
        [(title, text) for title, text in rows if text],
        _picture(one.seal, invalid) if one.seal else "",
        invalid,
        one.seal.name if one.seal else "",
        one.seal.id if one.seal else "",
        f"{one.seal.width_mm or 42}mm" if one.seal else "",
        f"{one.seal.height_mm or 42}mm" if one.seal else "",
        _seal_rows(one.seal, language, translate) if one.seal else [],
        list(_certificates(one, translate)),
        () if one.level else one.covered,
    )


def _protects(one: SignatureReport, translate: Translate) -> str:
    if not one.covered:
        return ""
    if one.level:
        text = translate("签章之前的整个文件，签名值本身除外")
        return text + (fill(translate("；印章显示在第 {page} 页"), {"page": one.pages[0]}) if one.pages else "")
    text = fill(translate("包内 {n} 个文件的全部字节"), {"n": len(one.covered)})
    return text + (fill(translate("；印章显示在 {n} 页上"), {"n": len(one.pages)}) if one.pages else "")


def _seal_rows(seal: SealInfo, language: str, translate: Translate) -> list[tuple[str, str]]:
    """印章信息: kind, purpose, size, validity, maker, who may use it."""
    kind = KINDS.get(seal.kind)
    rows = [
        (translate("印章种类"), (kind.title_en if language == "en" else kind.title) if kind else ""),
        (translate("用途"), seal.purpose),
        (translate("尺寸"), f"{seal.width_mm} × {seal.height_mm} mm" if seal.width_mm else ""),
        (translate("印章有效期"), period(seal.valid_from, seal.valid_to)),
        (translate("制作时间"), when(seal.created)),
        (translate("制章机构"), seal.maker),
        (translate("可使用的证书"), "\n".join(seal.listed)),
    ]
    return [(title, text) for title, text in rows if text]


def _certificates(one: SignatureReport, translate: Translate) -> Iterable[tuple[str, list[tuple[str, str]]]]:
    if one.certificate is not None:
        yield translate("签章人的证书"), certificate_rows(one.certificate, translate)
    if one.seal is not None and one.seal.maker_certificate is not None:
        yield translate("制章机构的证书"), certificate_rows(one.seal.maker_certificate, translate)


def certificate_rows(info: CertificateInfo, translate: Translate) -> list[tuple[str, str]]:
    """证书信息 (R073): basics, validity, authority, purpose."""
    return [
        (translate("证书持有者"), info.subject),
        (translate("证书颁发机构"), info.issuer),
        (translate("证书有效期"), period(info.valid_from, info.valid_to)),
        (translate("证书用途"), usage_words(info.usage, translate)),
        (translate("证书序列号"), info.serial),
        (translate("证书摘要（SM3）"), info.digest),
    ]


_USAGES = {
    "digital_signature": N_("数字签名"),
    "non_repudiation": N_("抗抵赖"),
    "key_encipherment": N_("密钥加密"),
    "data_encipherment": N_("数据加密"),
    "key_agreement": N_("密钥协商"),
    "key_cert_sign": N_("签发证书"),
    "crl_sign": N_("签发废止列表"),
    "time_stamping": N_("时间戳"),
    "ocsp_signing": N_("在线状态应答"),
    "server_auth": N_("服务器身份"),
    "client_auth": N_("客户端身份"),
}


def usage_words(usage: Iterable[str], translate: Translate) -> str:
    """证书用途 in words; one we have none for stands as it is."""
    return joined([translate(_USAGES[one]) if one in _USAGES else one for one in usage], translate) or "—"


def joined(words: Iterable[str], translate: Translate) -> str:
    """Words in a row, as the reader's language separates them."""
    return ("、" if translate(_SAMPLE) == _SAMPLE else ", ").join(words)


_SAMPLE = N_("印章")
"""A word whose translation tells the language."""


_ALTERED = ("package", "format", "integrity", "coverage", "message", "signature")


def is_altered(report: Report) -> bool:
    """改动: is what one sees or reads not what was sealed?"""
    return any(f.indication is Indication.FAILED and _area(f) in _ALTERED for f in _every(report))


def _picture(seal: SealInfo, invalid: bool) -> str:
    """印章图样; 无效印章样式 where it must not be taken for a good one (R074)."""
    if not invalid:
        return data_address(seal.picture, seal.picture_type)
    from seal.invalid_style import invalid_style

    width, height = (min(300, max(5, side or 42)) for side in (seal.width_mm, seal.height_mm))
    return data_address(invalid_style(seal.picture, width, height).picture, "png")


def period(start: datetime | None, end: datetime | None) -> str:
    """Two days, Beijing time; empty where one is missing."""
    if start is None or end is None:
        return ""
    return f"{start.astimezone(BEIJING):%Y-%m-%d} — {end.astimezone(BEIJING):%Y-%m-%d}"


_PICTURES = {"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif", "bmp": "image/bmp"}


def data_address(picture: bytes, kind: str) -> str:
    """A picture as an address inside the page; kinds that can carry a script are not shown."""
    media = _PICTURES.get(kind.lower())
    if media is None or not picture or len(picture) > 1_000_000:
        return ""
    return f"data:{media};base64,{base64.b64encode(picture).decode()}"


_METADATA = (
    ("type_name", N_("证照类型")),
    ("issuer_name", N_("颁证单位")),
    ("issued_on", N_("颁证日期")),
    ("licence_number", N_("证照编号")),
    ("licence_id", N_("电子证照标识")),
)


def _document(report: Report, name: str, translate: Translate) -> list[tuple[str, str]]:
    rows = [(translate(title), report.metadata.get(key, "")) for key, title in _METADATA]
    if report.metadata.get("valid_to"):
        rows.append((translate("有效期至"), report.metadata["valid_to"]))
    rows += [
        (translate("文件名"), name),
        (translate("格式"), str(report.document.get("format", ""))),
        (translate("文件摘要（SM3）"), str(report.document.get("digest", ""))),
        (translate("核验时间"), when(report.moment)),
    ]
    return [(title, text) for title, text in rows if text]


STATE_TONES = {"CURRENT": "pass", "SUSPENDED": "unsure", "LOST": "unsure", "INSPECTION_OVERDUE": "unsure"}


def state_view(state: str, translate: Translate) -> tuple[str, str]:
    """``(tone, name)`` of a licence's state."""
    return STATE_TONES.get(state, "fail"), translate(STATE_NAMES.get(state, state))
