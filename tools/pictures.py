"""Remake the pictures of the documents from the running product: a sealed licence of each type and a verdict page.

    python tools/pictures.py docs/images

A new demonstration region is made, served on a free port and visited with Chromium.
"""

from __future__ import annotations

import io
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import BrowserContext, sync_playwright

CONSOLE = [sys.executable, "-c", "from api.cli import main; main()"]
WIDTH = 1200


@contextmanager
def served(region: Path) -> Iterator[str]:
    """``licence-trust serve`` on a free port; its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen([*CONSOLE, "serve", "--dir", str(region), "--port", str(port)])
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{address}/livez", timeout=2).close()
                break
            except OSError:
                time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait()


def licence_pictures(
    context: BrowserContext, address: str, demo: dict, accounts: list[dict]
) -> Iterator[tuple[str, bytes]]:
    """The product's own previews, seal and all, as a signed-in person gets them; the name each is kept under."""
    person = next(one for one in accounts if one["account"] == "admin")
    page = context.new_page()
    page.goto(f"{address}/sign-in")
    page.fill("input[name=name]", person["account"])
    page.fill("input[name=password]", person["password"])
    page.click("main button[type=submit]")
    for one in demo["licences"]:
        answer = context.request.get(f"{address}/licences/{one['licence_id']}/face.png")
        if not answer.ok:
            raise SystemExit(f"the preview answered {answer.status}")
        slug = Path(one["ofd"]).stem
        yield ("licence" if slug == "business-licence" else slug), answer.body()


def verdict_picture(context: BrowserContext, address: str, file: Path) -> bytes:
    """The public page after a file has been dropped on it."""
    page = context.new_page()
    page.goto(f"{address}/verify")
    with page.expect_navigation():
        page.set_input_files("main input[type=file]", file)  # choosing a file submits the form
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(500)
    return page.screenshot(full_page=False)


def keep(data: bytes, path: Path) -> None:
    """At README size, with a palette: small files."""
    picture = Image.open(io.BytesIO(data)).convert("RGB")
    if picture.width > WIDTH:
        picture = picture.resize((WIDTH, round(picture.height * WIDTH / picture.width)), Image.Resampling.LANCZOS)
    picture.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path}: {picture.width} × {picture.height}, {path.stat().st_size // 1024} KiB")


def main(target: Path) -> None:
    executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if executable is None:
        raise SystemExit("需要 chromium。 Chromium is needed to take the pictures.")
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        region = Path(folder) / "var"
        told = subprocess.run([*CONSOLE, "demo", "--dir", str(region)], check=True, stdout=subprocess.PIPE).stdout
        demo = json.loads(told)
        accounts = json.loads(Path(demo["accounts"]).read_text(encoding="utf-8"))
        browser = play.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        with served(region) as address:
            context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="zh-CN")
            for name, data in licence_pictures(context, address, demo, accounts):
                keep(data, target / f"{name}.png")
            public = browser.new_context(viewport={"width": 1280, "height": 900}, locale="zh-CN")
            keep(verdict_picture(public, address, Path(demo["licence"])), target / "verdict.png")
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/images"))
