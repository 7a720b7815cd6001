"""JupyterLab in headless Chromium: start both once, then open one notebook after the other."""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "build" / "screenshots"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]


def browser():
    """The path of a Chromium or Chrome on this machine, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


@contextlib.contextmanager
def make_lab(home, seconds=180):
    """Start JupyterLab the way a reader does, with `make lab`; yield its address and token.

    home: a folder for JupyterLab's own files, so that a test neither sees nor changes the user's settings.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = secrets.token_hex(16)
    flags = (f"--no-browser --ip=127.0.0.1 --port={port} --ServerApp.port_retries=0 "
             f"--IdentityProvider.token={token} --expose-app-in-browser")
    places = {f"JUPYTER{each}": str(home / each.strip("_").lower())
              for each in ("_CONFIG_DIR", "_DATA_DIR", "_RUNTIME_DIR", "LAB_SETTINGS_DIR", "LAB_WORKSPACES_DIR")}
    # Nor may JupyterLab save a half-run notebook over the committed one.
    settings = home / "lab_settings_dir" / "@jupyterlab" / "docmanager-extension"
    settings.mkdir(parents=True)
    (settings / "plugin.jupyterlab-settings").write_text('{"autosave": false}')
    with open(home / "jupyterlab.log", "w") as log:
        server = subprocess.Popen(["make", "lab", f"LAB_FLAGS={flags}"], cwd=ROOT, env=os.environ | places,
                                  stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            address = f"http://127.0.0.1:{port}"
            until = time.monotonic() + seconds
            while True:
                with contextlib.suppress(OSError):
                    urllib.request.urlopen(f"{address}/api?token={token}", timeout=2)
                    break
                if server.poll() is not None or time.monotonic() > until:
                    said = (home / "jupyterlab.log").read_text()
                    raise RuntimeError("make lab did not serve:\n" + said[-3000:])
                time.sleep(0.25)
            yield address, token
        finally:
            for how in (signal.SIGTERM, signal.SIGKILL):  # make, JupyterLab and its kernels are one group
                with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
                    os.killpg(server.pid, how)
                    server.wait(20)


class JupyterLab:
    """A JupyterLab and a browser that shows it, both started by the first `open`; `close` ends both.

    The browser's library keeps an event loop in this thread while it is open, which other tests could not share.
    """

    def __init__(self):
        self._parts = None
        self.page = None

    def open(self, path):
        """Show the notebook at `path`, a Path below the project's root, with its kernel started; returns the page."""
        if self._parts is None:
            self._start()
        self.page.errors.clear()
        self.page.evaluate("async path => { await jupyterapp.commands.execute('docmanager:open', {path}) }",
                           path.relative_to(ROOT).as_posix())
        self.page.wait_for_function("name => { const it = jupyterapp.shell.currentWidget;"
                                    " return it?.title.label === name && it.sessionContext?.isReady }",
                                    arg=path.name, timeout=90_000)
        return self.page

    def close_notebook(self):
        """End the kernel, which holds memory, and leave the notebook without saving."""
        self.page.evaluate("""async () => {
            const shown = jupyterapp.shell.currentWidget;
            await shown.sessionContext.shutdown();
            shown.context.model.dirty = false;
            shown.close();
        }""")

    def close(self):
        """End the browser, the server and the kernels; nothing to do if none was started."""
        if self._parts is not None:
            self._parts.close()
        self._parts = self.page = None

    def _start(self):
        from playwright.sync_api import sync_playwright

        with contextlib.ExitStack() as parts:
            home, profile = (Path(parts.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
                             for _ in range(2))
            address, token = parts.enter_context(make_lab(home))
            chromium = parts.enter_context(sync_playwright()).chromium.launch_persistent_context(
                profile, executable_path=browser(), headless=True, args=FLAGS,
                viewport={"width": 1200, "height": 1100})
            parts.callback(chromium.close)
            page = chromium.new_page()
            page.errors = []
            page.on("pageerror", lambda error: page.errors.append(str(error)))
            page.set_default_timeout(30_000)
            page.goto(f"{address}/lab?token={token}&reset")
            page.wait_for_function("() => window.jupyterapp?.shell", timeout=90_000)
            page.evaluate("async () => { await jupyterapp.restored; jupyterapp.shell.collapseLeft() }")
            self.page, self._parts = page, parts.pop_all()


def whole_page(page, path):
    """Leave a picture of the notebook from top to bottom at `path`."""
    height = page.evaluate("() => Math.ceil(Math.max(...[...document.querySelectorAll("
                           "'.jp-WindowedPanel-viewport, .jp-Notebook')].map(each => each.scrollHeight)))")
    size = page.viewport_size
    page.set_viewport_size({"width": size["width"], "height": min(height + 160, 30_000)})
    page.evaluate("() => document.querySelectorAll('.jp-WindowedPanel-outer').forEach(each => each.scrollTop = 0)")
    page.wait_for_timeout(500)
    path.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=path)
    page.set_viewport_size(size)
