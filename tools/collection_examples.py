"""Make the data of ``examples/collection`` anew: people and bodies that do not exist, their papers as a scanner sees
them, and what other systems would deliver.

    python tools/collection_examples.py
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

from openpyxl import Workbook
from PIL import Image as Pictures
from PIL import ImageFilter

from licence_store.definitions import LicenceTypeDefinition, shipped_definitions
from licence_store.face import PreparedFace, render_png
from seal.impression import round_seal
from seal.message import METADATA_KEYS, DataMessage, RequiredSeal
from trust.algorithms import sm3

OUT = Path(__file__).parents[1] / "examples" / "collection"
TYPES = {one.slug: one for one in shipped_definitions()}
SEED = 20261122


def main() -> None:
    scan_entry()
    material()
    result()
    compose()
    repository()


def records(slug: str, count: int, skip: int = 0) -> list[dict[str, str]]:
    return list(TYPES[slug].example_records(count + skip, seed=SEED))[skip:]


def write(place: str, content: object) -> None:
    path = OUT / place
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif isinstance(content, str):
        path.write_text(content, "utf-8")
    else:
        path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", "utf-8")


def paper(slug: str, record: Mapping[str, str], number: str, issuer: str, day: str, angle: float) -> Pictures.Image:
    """The paper licence on a scanner's glass, a little askew."""
    definition: LicenceTypeDefinition = TYPES[slug]
    computed = {"licence_number": number, "issuer_name": issuer, "issued_on": day}
    metadata = {**dict.fromkeys(METADATA_KEYS, "x"), "licence_id": "paper", "demonstration": "true", "credibility": "A"}
    face = definition.face_values(definition.validate_record(dict(record)), computed)
    message = DataMessage.create(metadata, face, (RequiredSeal("1", "x"),))
    prepared = PreparedFace.of(definition, demonstration=True)
    seal = round_seal(issuer, "99000000009999", centre_text="演示")
    page = Pictures.open(BytesIO(render_png(prepared, message, "https://example.test/paper", dpi=84, seal=seal)))
    glass = Pictures.new("RGB", (page.width + 70, page.height + 60), "#d8d3c6")
    askew = page.convert("RGB").rotate(angle, Pictures.Resampling.BICUBIC, expand=True, fillcolor="#d8d3c6")
    glass.paste(askew, (24, 18))
    return glass.filter(ImageFilter.GaussianBlur(0.4))


def encoded(picture: Pictures.Image, form: str, **how: object) -> bytes:
    out = BytesIO()
    picture.save(out, form, **how)  # type: ignore[arg-type]
    return out.getvalue()


def scan_entry() -> None:
    """Mode 1: two certificates of the archive."""
    for number, record in enumerate(records("teacher-certificate", 2), 1):
        printed, day = f"2011990000{number:07d}", f"2011-06-{number + 9}"
        picture = paper("teacher-certificate", record, printed, "演示省教育厅", day, 0.8 - 1.3 * (number - 1))
        write(f"1-scan-entry/scans/{number:03d}.jpg", encoded(picture, "JPEG", quality=60))
        said = {"values": record, "original": "archive", "original_number": f"卷12-{number}", "number": printed,
                "issued_on": day, "confirmed_by_issuer": True}  # fmt: skip
        write(f"1-scan-entry/{number:03d}.json", said)


def material() -> None:
    """Mode 2: a permit handed in with an application, compared with the original at the window."""
    [record] = records("pollutant-permit", 1)
    record["valid_period"] = "2024-05-01/2029-04-30"
    picture = paper("pollutant-permit", record, record["credit_code"] + "001P", "演示省生态环境厅", "2024-05-01", -0.6)
    write("2-material/permit.png", encoded(picture.quantize(96), "PNG", optimize=True))
    said = {"values": record, "original": "holder", "original_number": "排污许可证正本", "issued_on": "2024-05-01",
            "case": {"number": "990000-2026-0417", "service_item": "环境影响评价文件审批"}}  # fmt: skip
    write("2-material/permit.json", said)


def result() -> None:
    """Mode 3: a society's new registration, scanned as it is handed out."""
    [record] = records("social-organisation", 1)
    record["valid_period"] = "2026-11-20/2031-11-19"
    picture = paper("social-organisation", record, record["credit_code"], "演示省民政厅", "2026-11-20", 0.5)
    write("3-result/registration.pdf", encoded(picture, "PDF", resolution=84.0, quality=55))
    said = {
        "values": record, "original": "result", "issued_on": "2026-11-20", "paper": {"number": "MZ-0004217"},
        "case": {"number": "990000-2026-0512", "service_item": "社会团体成立登记",
                 "result_document": "民社登〔2026〕88号"},
    }  # fmt: skip
    write("3-result/registration.json", said)


COMPOSE = {"办件编号": "case.number", "事项": "case.service_item", "结果有效期至": "case.valid_until"}
BUSINESS = {
    "统一社会信用代码": "credit_code", "企业名称": "name", "类型": "company_type", "法定代表人": "legal_representative",
    "经营范围": "business_scope", "注册资本": "registered_capital", "成立日期": "established_on", "住所": "address",
}  # fmt: skip


def approvals(count: int, skip: int) -> list[dict[str, str]]:
    """Approval data in the words of the business system."""
    rows = []
    for number, record in enumerate(records("business-licence", count, skip), skip + 1):
        start, _, end = record["business_term"].partition("/")
        row = {"办件编号": f"990000-2026-{number:04d}", "事项": "企业设立登记", "结果有效期至": "2027-06-30"}
        row |= {title: record[name] for title, name in BUSINESS.items()}
        rows.append({**row, "营业期限自": start.replace("-", "/"), "营业期限至": end.replace("-", "/")})
    return rows


def compose() -> None:
    """Mode 4: approval data as CSV, JSON and spreadsheet; one row of the CSV has a wrong credit code."""
    fields: dict[str, object] = {name: title for title, name in {**COMPOSE, **BUSINESS}.items()}
    fields["business_term"] = {"join": ["营业期限自", "营业期限至"], "with": "/", "dates": ["YYYY/MM/DD"]}
    declared = {
        "id": "business-approvals", "title": "企业设立登记审批结果", "type": "business-licence", "department": "market",
        "mode": "compose", "key": ["办件编号"], "fields": fields, "connector": {"kind": "upload", "complete": False},
    }  # fmt: skip
    write("4-compose/source.json", declared)
    rows = approvals(4, 0)
    code = rows[3]["统一社会信用代码"]
    rows[3]["统一社会信用代码"] = code[:17] + ("0" if code[17] != "0" else "1")
    out = OUT / "4-compose" / "approvals.csv"
    with out.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    write("4-compose/approvals.jsonl", "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in approvals(2, 10)))
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for number, row in enumerate(approvals(2, 20)):
        if number == 0:
            sheet.append(list(row))
        sheet.append(list(row.values()))
    book.save(OUT / "4-compose" / "approvals.xlsx")
    [record] = records("business-licence", 1, 30)
    case = {"number": "990000-2026-0031", "service_item": "企业设立登记", "result_document": "", "valid_until": ""}
    write("4-compose/request.json", {"type": "business-licence", "record": record, "case": case})


def repository() -> None:
    """Mode 5: a table, a service and a folder with its manifest."""
    nurses = records("nurse-certificate", 3)
    names = list(nurses[0])
    columns = ["ZSBH", "FZRQ", "GXSJ", *names]
    lines = [f"CREATE TABLE nurse ({', '.join(f'{c} TEXT' for c in columns)}, PRIMARY KEY (ZSBH));"]
    for number, record in enumerate(nurses, 1):
        values = [f"2024990000{number:06d}", f"2024-03-{number + 10}", f"2026-11-0{number}", *record.values()]
        lines.append("INSERT INTO nurse VALUES (" + ", ".join(f"'{v}'" for v in values) + ");")
    write("5-repository/nurses.sql", "\n".join(lines) + "\n")
    table = {
        "id": "nurse-repository", "title": "卫生健康委护士执业注册库", "type": "nurse-certificate",
        "department": "health", "mode": "repository", "key": ["ZSBH"], "schedule": "every 1d",
        "fields": {**{n: n for n in names}, "original.number": "ZSBH", "original.issued_on": "FZRQ"},
        "connector": {"kind": "table", "connection": "nurse-repository", "table": "nurse", "key": ["ZSBH"],
                      "changed": "GXSJ"},
    }  # fmt: skip
    write("5-repository/table.json", table)
    service = {
        "id": "society-service", "title": "市级社会组织证照库", "type": "social-organisation", "department": "civil",
        "mode": "repository", "key": ["credit_code"],
        "connector": {"kind": "service", "connection": "society-service", "records": "data.items", "next": "data.next",
                      "size": "limit", "page": 2},
    }  # fmt: skip
    write("5-repository/service.json", service)
    societies = records("social-organisation", 3, 10)
    for record in societies:
        record["valid_period"] = "2025-01-01/2029-12-31"
    write("5-repository/service-answer.json", {"data": {"items": societies, "next": None}})
    teachers = records("teacher-certificate", 2, 10)
    rows = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in teachers).encode()
    write("5-repository/delivery/teachers.jsonl", rows)
    listed = [{"name": "teachers.jsonl", "sm3": sm3(rows).hex()}]
    manifest = {"delivery": "2026-11-22", "complete": True, "files": listed}
    write("5-repository/delivery/manifest.json", manifest)
    folder = {
        "id": "teacher-delivery", "title": "教师资格管理系统交付", "type": "teacher-certificate",
        "department": "education", "mode": "repository", "key": ["citizen_number"],
        "connector": {"kind": "folder", "path": "teachers"},
    }  # fmt: skip
    write("5-repository/folder.json", folder)


if __name__ == "__main__":
    main()
