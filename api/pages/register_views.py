"""证照库与留痕: licences and journal entries as rows for pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from api.pages.verdict import state_view, when
from licence_store.catalogue_steps import STEPS as TYPE_STEPS
from licence_store.catalogue_steps import TypeStep
from licence_store.lifecycle import STEPS as LICENCE_STEPS
from licence_store.lifecycle import Step as LicenceStep
from seal.lifecycle import STEPS, Step
from trust.errors import fill
from trust.i18n import N_

if TYPE_CHECKING:
    from licence_store.definitions import LicenceTypeDefinition
    from licence_store.journal import JournalCheck
    from licence_store.models import JournalEntry
    from licence_store.register import LicenceSummary, LicenceView

Translate = Callable[[str], str]
PURPOSES = (N_("业务办理"), N_("核对信息"), N_("投诉处理"), N_("审计检查"))


@dataclass(frozen=True, slots=True)
class TypeCard:
    """A licence type on a page."""

    slug: str
    title: str
    department: str


def type_title(definition: LicenceTypeDefinition, language: str) -> str:
    return definition.name_en if language == "en" else definition.name


def type_card(definition: LicenceTypeDefinition, department: str | None, language: str) -> TypeCard:
    return TypeCard(definition.slug, type_title(definition, language), department or "")


def list_row(one: LicenceSummary, purpose: str, translate: Translate) -> dict[str, str]:
    """A licence in the list."""
    tone, state = state_view(one.state, translate)
    query = f"?{urlencode({'purpose': purpose})}" if purpose else ""
    return {
        "href": f"/licences/{quote(one.licence_id)}{query}",
        "holder": one.holder_name,
        "type": translate(one.type_name),
        "number": one.licence_number,
        "issued": one.issued_on,
        "ends": one.valid_to or translate("长期"),
        "tone": tone,
        "state": state,
    }


def licence_rows(view: LicenceView, translate: Translate) -> list[tuple[str, str]]:
    """登记信息 of a licence."""
    one = view.summary
    return [
        (translate("持证者"), one.holder_name),
        (translate("持证者代码"), one.holder_code),
        (translate("证照编号"), one.licence_number),
        (translate("电子证照标识"), one.licence_id),
        (translate("版本"), str(one.version)),
        (translate("颁证单位"), one.issuer_name),
        (translate("颁证日期"), one.issued_on),
        (translate("有效期至"), one.valid_to or translate("长期")),
        (translate("电子印章"), f"{view.seal_name}（{view.seal_id}）"),
        (translate("盖章时间"), when(view.signed_at)),
        (translate("文件摘要（SM3）"), view.file_digest),
        *_provenance(view, translate),
    ]


def _provenance(view: LicenceView, translate: Translate) -> list[tuple[str, str]]:
    """来源: where the data come from, how far they are to be believed, and the case, as it was sealed."""
    facts, case = view.message.metadata, view.message.case
    rows = [
        (translate("信息来源"), facts.get("source", "")),
        (translate("可信等级"), facts.get("credibility", "")),
        (translate("办件编号"), case.case_number if case else ""),
        (translate("办理事项"), case.service_item if case else ""),
        (translate("结果文书"), case.result_document if case else ""),
        (translate("结果有效期至"), case.result_valid_until if case else ""),
    ]
    return [(title, text) for title, text in rows if text]


_ACTIONS = {
    "account.create": N_("开立账号"),
    "account.disable": N_("停用账号"),
    "account.set_password": N_("重设口令"),
    "account.sign_in": N_("登录"),
    "certificate.issue": N_("签发证书"),
    "certificate.revoke": N_("吊销证书"),
    "collection.close": N_("停用来源"),
    "collection.declare": N_("声明来源"),
    "department.add": N_("登记部门"),
    "key.backup": N_("备份密钥"),
    "key.renew_master": N_("更换主密钥"),
    "key.rewrap": N_("重新包裹文件密钥"),
    "key.destroy_master": N_("销毁主密钥"),
    "key.restore": N_("恢复密钥"),
    "quarantine.discard": N_("弃用隔离数据"),
    "quarantine.export": N_("导出隔离数据"),
    "quarantine.mend": N_("更正隔离数据"),
    "quarantine.read": N_("查看隔离数据"),
    "document.verify": N_("核验文件"),
    "dispute.open": N_("提出异议"),
    "dispute.note": N_("记录异议办理情况"),
    "dispute.uphold": N_("答复异议：成立"),
    "dispute.reject": N_("答复异议：不成立"),
    "dispute.withdraw": N_("撤回异议"),
    "ledger.export": N_("导出用证记录"),
    "present.open": N_("查验亮证"),
    "files.copy": N_("搬迁证照文件库"),
    "files.scrub": N_("巡检证照文件库"),
    "files.sweep": N_("清扫证照文件库"),
    "entry.approve": N_("复核采集单"),
    "entry.complete": N_("录入采集单"),
    "entry.discard": N_("作废采集单"),
    "entry.issue": N_("采集单成证照"),
    "entry.list": N_("查看采集单"),
    "entry.read": N_("查看采集单"),
    "entry.receive": N_("扫描件收件"),
    "entry.refused": N_("采集单未能盖章"),
    "entry.send_back": N_("退回采集单"),
    "journal.read": N_("查阅留痕"),
    "licence.changes": N_("取变更推送"),
    "licence.check": N_("真伪核对"),
    "licence.download": N_("下载证照"),
    "licence.evidence": N_("调阅佐证文件"),
    "licence.history": N_("查阅证照经过"),
    "licence.holdings": N_("查阅持证者名下的证照"),
    "licence.inspections": N_("查看年检工作表"),
    "licence.issue": N_("签发证照"),
    "licence.issue_file": N_("要求批量签发"),
    "job.cancel": N_("取消任务"),
    "job.retry": N_("重做任务"),
    "notice.replay": N_("重新投递通知"),
    "contact.add": N_("登记联系方式"),
    "contact.end": N_("撤销联系方式"),
    "contact.read": N_("查阅联系方式"),
    "licence.lineage": N_("核对版本承接"),
    "licence.picture": N_("查看照面图片"),
    "licence.public_check": N_("公众查询状态"),
    "licence.read": N_("查看证照"),
    "licence.reserve": N_("预留编号"),
    "licence.search": N_("查找证照"),
    "licence.verify": N_("核验库存文件"),
    "licence.void": N_("作废预留"),
    "paper.open": N_("打开套打"),
    "paper.printed": N_("打印纸质证照"),
    "paper.spoilt": N_("作废空白证照"),
    "proof.import": N_("导入电子证明类型"),
    "proof.make": N_("出具电子证明"),
    "proof.read": N_("查看证明申请"),
    "seal.add": N_("登记印章"),
    "seal.affected": N_("查明失控影响"),
    "seal.basis": N_("调阅依据文件"),
    "seal.download": N_("下载印章数据"),
    "seal.impact": N_("查明失控影响"),
    "seal.read": N_("查看印章"),
    "seal.search": N_("查找印章"),
    "licence.reseal": N_("重新盖章"),
    "material.add": N_("上传材料"),
    "material.check": N_("核验材料"),
    "material.decline": N_("暂不改用原件"),
    "material.delete": N_("删除材料"),
    "material.link": N_("材料接件"),
    "material.lookup": N_("查看办事人的材料"),
    "material.offer": N_("提示更可信的原件"),
    "material.open": N_("打开材料"),
    "material.refuse": N_("退回材料"),
    "material.replace": N_("替换材料"),
    "material.scan": N_("窗口扫描材料"),
    "material.supersede": N_("以原件取代材料"),
    "token.create": N_("发放令牌"),
    "token.revoke": N_("收回令牌"),
    "type.change_seal": N_("更换用印"),
    "type.grant": N_("授予发证权限"),
    "type.import": N_("导入证照类型"),
}
_PREFIX = "1.2.156.3005.2."
"""What every licence id begins with (GB/T 36904)."""


def _title(action: str) -> str:
    """An act in words: its own, else that of the step it is."""
    area, _, name = action.partition(".")
    tables: Mapping[str, Mapping[str, Step | LicenceStep | TypeStep]] = {
        "seal": STEPS, "licence": LICENCE_STEPS, "type": TYPE_STEPS
    }  # fmt: skip
    steps = tables.get(area, {})
    return _ACTIONS.get(action) or (steps[name].title if name in steps else action)


def journal_row(entry: JournalEntry, translate: Translate) -> dict[str, Any]:
    """One act; long identifiers are shortened for the eye and whole in the link and its title."""
    origin = " · ".join(part for part in (entry.department, entry.channel, entry.address) if part)
    licence = entry.subject.startswith(_PREFIX)
    title = _title(entry.action)
    sealed = entry.action.startswith("seal.") and entry.subject.isalnum()
    short = "…" + ".".join(entry.subject.split(".")[-3:]) if licence else entry.subject
    return {
        "time": when(entry.at),
        "who": entry.actor,
        "origin": origin,
        "action": entry.action,
        "title": translate(title),
        "subject": entry.subject,
        "short": short if len(short) <= 34 else short[:20] + "…",
        "href": f"/licences/{quote(entry.subject)}" if licence else f"/seals/{quote(entry.subject)}" if sealed else "",
        "reason": entry.reason,
        "fine": entry.result == "ok",
        "result": translate("完成") if entry.result == "ok" else entry.result,
    }


def chain_state(found: JournalCheck, translate: Translate) -> dict[str, Any]:
    """Is the chain whole, in words."""
    if found.intact:
        return {"intact": True, "chain": fill(translate("记录链完好：{n} 条，逐条相符。"), {"n": found.entries})}
    said = {"at": found.at or 0, "code": found.problem}
    return {"intact": False, "chain": fill(translate("记录链在第 {at} 条处缺损（{code}），请立即报告。"), said)}
