"""JupyterLab in headless Chromium: start one, open a notebook, run it, move its controls."""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "build" / "screenshots"  # kept, to be looked at
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]
WIDGET = ".labkit-explore"


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
    flags = (f"--no-browser --ip=127.0.0.1 --port={port} --ServerApp.port_retries=0 --IdentityProvider.token={token} "
             "--expose-app-in-browser")
    places = {f"JUPYTER{each}": str(home / each.strip("_").lower())
              for each in ("_CONFIG_DIR", "_DATA_DIR", "_RUNTIME_DIR", "LAB_SETTINGS_DIR", "LAB_WORKSPACES_DIR")}
    # Nor may JupyterLab save a half-run notebook over the committed one.
    settings = home / "lab_settings_dir" / "@jupyterlab" / "docmanager-extension"
    settings.mkdir(parents=True)
    (settings / "plugin.jupyterlab-settings").write_text('{"autosave": false}')
    with open(home / "jupyterlab.log", "w") as log:
        server = subprocess.Popen(["make", "lab", f"LAB_FLAGS={flags}"], cwd=ROOT, env=os.environ | places, stdout=log,
                                  stderr=subprocess.STDOUT, start_new_session=True)
        try:
            address = f"http://127.0.0.1:{port}"
            until = time.monotonic() + seconds
            while True:
                with contextlib.suppress(OSError):
                    urllib.request.urlopen(f"{address}/api?token={token}", timeout=2)
                    break
                if server.poll() is not None or time.monotonic() > until:
                    raise RuntimeError("make lab did not serve:\n" + (home / "jupyterlab.log").read_text()[-3000:])
                time.sleep(0.25)
            yield address, token
        finally:
            for how in (signal.SIGTERM, signal.SIGKILL):  # make, JupyterLab and its kernels are one group
                with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
                    os.killpg(server.pid, how)
                    server.wait(20)


def open_notebook(page, address, token, name):
    """Open one notebook and wait until its kernel is ready."""
    page.goto(f"{address}/lab/tree/notebooks/{name}?token={token}&reset")
    page.locator(".jp-Notebook").first.wait_for(timeout=60_000)
    page.wait_for_function("() => window.jupyterapp?.shell?.currentWidget?.sessionContext?.isReady", timeout=90_000)
    page.evaluate("() => window.jupyterapp.shell.collapseLeft()")


def run_all(page, seconds=240):
    """Run every cell; returns when the last one is done."""
    page.set_default_timeout(seconds * 1000)
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")
    page.wait_for_function("() => [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')]"
                           ".every(each => !each.innerText.includes('*'))", timeout=seconds * 1000)
    page.set_default_timeout(30_000)


def run_code(page, code):
    """Run code in the open notebook's kernel, as one more cell would; returns what it prints, an error's traceback included."""
    return page.evaluate("""async code => {
        const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
        const future = kernel.requestExecute({code});
        let text = '';
        future.onIOPub = ({header, content}) => {
            if (header.msg_type === 'stream') text += content.text;
            if (header.msg_type === 'error') text += content.traceback.join('\\n');
        };
        await future.done;
        return text;
    }""", code)


def whole_page(page, path):
    """A picture of the notebook from top to bottom."""
    height = page.evaluate("() => Math.ceil(Math.max(...[...document.querySelectorAll('.jp-WindowedPanel-viewport, "
                           ".jp-Notebook')].map(each => each.scrollHeight)))")
    size = page.viewport_size
    page.set_viewport_size({"width": size["width"], "height": min(height + 160, 30_000)})
    page.evaluate("() => document.querySelectorAll('.jp-WindowedPanel-outer').forEach(each => each.scrollTop = 0)")
    page.wait_for_timeout(500)
    path.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=path)
    page.set_viewport_size(size)
