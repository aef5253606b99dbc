"""Compiles SmolLM2, serves it, installs it into the extension, and lets an ordinary page ask ``window.llm``.

Run from a checkout with the extension and the site built (``make demo`` sees to that). Writes build/demo/*.png, or with
``--pictures docs/images`` the pictures of the README.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated
from urllib.error import URLError
from urllib.request import urlopen

import typer
from nomoat_compiler.errors import NomoatError
from nomoat_compiler.program.package import read_package
from playwright.sync_api import Page, ViewportSize
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from nomoat.browser.extension import ExtensionBrowser, extension_browser
from nomoat.browser.local_site import local_site
from nomoat.cli.console import Debug, err, out, reports_errors
from nomoat.demo.sample_model import compiled_package, find_gguf
from nomoat.server.listen import listen
from nomoat.server.site import SITE_FOLDER, site_is_built

ROOT = Path(__file__).parents[3]
EXTENSION = ROOT / "extension" / ".output" / "chrome-mv3"
BUILD = ROOT / "build"
LOG = BUILD / "demo" / "serve.log"
PROMPT = "What is the capital of France? Answer in one short sentence."
MAX_TOKENS = 24
SIDE_PANEL_PROMPT = "Say hello."
PAGE_SIZE = ViewportSize(width=820, height=640)
SIDE_PANEL_SIZE = ViewportSize(width=400, height=640)
OPTIONS_SIZE = ViewportSize(width=900, height=640)
INSTALL_TIMEOUT_S = 600
ANSWER_TIMEOUT_S = 900
POLL_MS = 200


Pictures = Annotated[Path, typer.Option(help="Folder for the screenshots.", file_okay=False)]


@reports_errors
def demo(pictures: Pictures = BUILD / "demo", debug: Debug = False) -> None:
    """Run the whole path: compile, serve, install into the extension, ask from a page."""
    if not site_is_built():
        raise NomoatError("internal", "The site is not built. Run: npm run build -w web")
    for folder in (pictures, LOG.parent):
        folder.mkdir(parents=True, exist_ok=True)
    step("1 Compile SmolLM2-135M-Instruct (kept in build/packages)")
    package = compiled_package(find_gguf(), BUILD / "packages" / "SmolLM2-135M-Instruct-q4")
    model_id = read_package(package).manifest["id"]

    step("2 Start nomoat serve, and a second origin with an ordinary page")
    with nomoat_serve(package) as server_url, local_site(ordinary_site()) as page_url:
        out().print(f"  packages  {server_url}/models/{model_id}/\n  page      {page_url}/demo.html")
        step("3 Load the extension into headless Chromium and install the model")
        with extension_browser(EXTENSION) as browser:
            with err().status("Installing") as status:
                browser.install_model(
                    f"{server_url}/models/{model_id}/", model_id, status.update, timeout_s=INSTALL_TIMEOUT_S
                )
            out().print(f"  {model_id} is ready in the extension", soft_wrap=True)
            step("4 The page on the other origin asks window.llm.generate()")
            ask_from_page(browser, page_url, pictures)
            step("5 The side panel and the options page")
            ask_in_side_panel(browser, pictures)
            picture_of_options(browser, pictures)
    step("Done. To try it by hand")
    say_how_to_try_it(package, model_id)


def ask_from_page(browser: ExtensionBrowser, page_url: str, pictures: Path) -> None:
    page = browser.context.new_page()
    page.set_viewport_size(PAGE_SIZE)
    page.goto(f"{page_url}/demo.html")
    page.get_by_test_id("demo-prompt").fill(PROMPT)
    page.get_by_test_id("demo-max-tokens").fill(str(MAX_TOKENS))
    out().print(f"  [dim]prompt[/]  {PROMPT}")
    started = time.monotonic()
    page.get_by_test_id("demo-ask").click()
    browser.allow_once(pictures / "consent.png")
    say_picture(pictures / "consent.png")
    out().print("  [dim]answer[/]  ", end="")
    state = print_stream(page)
    if state != "done":
        reason = page.get_by_test_id("demo-error").text_content()
        raise NomoatError("internal", f"The page got no answer ({state}): {reason}")
    status = page.get_by_test_id("demo-status").text_content()
    out().print(f"\n  [dim]{status} {time.monotonic() - started:.0f} s in all, with the load of the model.[/]")
    page.bring_to_front()
    page.screenshot(path=pictures / "page.png")
    say_picture(pictures / "page.png")
    page.close()


def print_stream(page: Page) -> str:
    """Prints the answer as it grows, until the page says that it has ended; gives the page's state."""
    answer = page.get_by_test_id("demo-answer")
    printed = 0
    for _ in range(round(ANSWER_TIMEOUT_S * 1000 / POLL_MS)):
        state = answer.get_attribute("data-state") or ""
        text = answer.text_content() or ""
        sys.stdout.write(text[printed:])
        sys.stdout.flush()
        printed = len(text)
        if state in ("done", "error", "aborted"):
            return state
        page.wait_for_timeout(POLL_MS)
    raise NomoatError("internal", f"The page had no whole answer after {ANSWER_TIMEOUT_S} s.")


def ask_in_side_panel(browser: ExtensionBrowser, pictures: Path) -> None:
    """A few words are enough for a picture: the answer is stopped after twenty characters."""
    panel = browser.open("sidepanel.html")
    panel.set_viewport_size(SIDE_PANEL_SIZE)
    panel.get_by_test_id("chat-prompt").fill(SIDE_PANEL_PROMPT)
    panel.get_by_test_id("chat-send").click()
    panel.get_by_test_id("chat-stop").wait_for()
    panel.wait_for_function(
        """() => {
          const stopped = document.querySelector('[data-testid="chat-stop"]').hidden;
          return stopped || document.querySelector("#messages").lastElementChild.textContent.trim().length >= 20;
        }""",
        timeout=ANSWER_TIMEOUT_S * 1000,
    )
    stop = panel.get_by_test_id("chat-stop")
    if stop.is_visible():
        stop.click()
        panel.get_by_test_id("chat-send").wait_for()
    panel.screenshot(path=pictures / "sidepanel.png")
    say_picture(pictures / "sidepanel.png")


def picture_of_options(browser: ExtensionBrowser, pictures: Path) -> None:
    options = browser.open("options.html")
    options.set_viewport_size(OPTIONS_SIZE)
    options.locator("#models > li").first.wait_for()
    options.screenshot(path=pictures / "options.png")
    say_picture(pictures / "options.png")


def say_picture(path: Path) -> None:
    shown = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
    out().print(f"  [dim]screenshot[/]  {shown}")


def ordinary_site() -> Starlette:
    """Static files and nothing else: no models, no isolation headers. What any host on the web does."""
    return Starlette(routes=[Mount("/", StaticFiles(directory=SITE_FOLDER))])


@contextmanager
def nomoat_serve(package: Path) -> Iterator[str]:
    """The command ``nomoat serve`` on a free port, as its own process; its output goes to build/demo/serve.log."""
    with listen("127.0.0.1", 0) as probe:
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "nomoat", "serve", str(package), "--port", str(port)]
    with LOG.open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        try:
            wait_until_it_answers(process, url)
            yield url
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()


def wait_until_it_answers(process: subprocess.Popen[bytes], url: str) -> None:
    for _ in range(300):
        if process.poll() is not None:
            break
        with suppress(URLError, OSError), urlopen(f"{url}/models", timeout=5):
            return
        time.sleep(0.1)
    raise NomoatError("internal", f"nomoat serve did not start: {LOG.read_text()[-500:]}")


def step(title: str) -> None:
    out().print(f"\n[bold]{title}[/]")


def say_how_to_try_it(package: Path, model_id: str) -> None:
    shown = package.relative_to(ROOT)
    out().print(
        f"  1  Run [bold].venv/bin/nomoat serve {shown}[/] and open http://127.0.0.1:8000/ (the playground).\n"
        f'  2  In Chrome, open chrome://extensions, turn on developer mode, press "Load unpacked" and choose\n'
        f"     {EXTENSION.relative_to(ROOT)}. On its options page add\n"
        f"     http://127.0.0.1:8000/models/{model_id}/\n"
        f'  3  Open any page, press F12, and type: [bold]await window.llm.generate("Hello!")[/]',
        soft_wrap=True,
    )


if __name__ == "__main__":
    typer.run(demo)
