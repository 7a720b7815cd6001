"""Build the website.

    python -m labkit.site.build              # all labs, into build/site/html
    python -m labkit.site.build 00 03        # these
    python -m labkit.site.build --still      # without frames: seconds, and the widgets are pictures

The pages are the committed notebooks; each lab is run once more for the frames of its sliders, which are kept in
build/site/frames until its source or labkit changes.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import nbformat

from labkit.lab.build import BUILT, ROOT, SOURCE
from labkit.site import frames, pages
from labkit.site.run import frames_of

FOLDER, DOCS = ROOT / "build/site", ROOT / "docs"
MATHJAX = "mathjax@3.2.2"
MATHJAX_SHA256 = "d4295dc33744836935c1399feece5159577b34c5c8ffb9f1c6324cd82e03a882"  # of es5/tex-svg.js: one file that draws formulas without fonts


def mathjax(folder):
    """The path of MathJax's script in `folder`, fetched once with npm and compared with its known digest."""
    path = folder / "tex-svg.js"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        if shutil.which("npm") is None:
            raise FileNotFoundError(f"npm must be installed: the site's formulas need {MATHJAX} once")
        subprocess.run(["npm", "pack", "--silent", MATHJAX], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        (archive,) = folder.glob("mathjax-*.tgz")
        with tarfile.open(archive) as packed:
            script = packed.extractfile("package/es5/tex-svg.js").read()
        archive.unlink()
        if hashlib.sha256(script).hexdigest() != MATHJAX_SHA256:
            raise ValueError(f"{MATHJAX} must have the digest {MATHJAX_SHA256}, got {hashlib.sha256(script).hexdigest()}")
        path.write_bytes(script)
    return path


def build(names, folder=FOLDER, *, still=False, most=frames.MOST, seconds=frames.SECONDS, script=None):
    """Build the pages of these labs into folder/html; returns that path.

    names: of notebooks, without their ending.
    still: leave the widgets as pictures.
    most, seconds: settings of a widget, see `labkit.site.frames`.
    script: MathJax's tex-svg.js; without it formulas stay TeX.
    """
    readme = (ROOT / "README.md").read_text()
    where = os.environ.get("GITHUB_REPOSITORY") or pages.repository(readme)
    source, html, extra = folder / "source", folder / "html", folder / "extra"
    for each in (source, html, extra):
        shutil.rmtree(each, ignore_errors=True)
    shutil.copytree(DOCS, source)
    shutil.copytree(BUILT / "images", source / "images")
    (source / "index.md").write_text(pages.index(readme, names))
    for kind in ("download", "colab"):
        (extra / kind).mkdir(parents=True)
    for name in names:
        began = time.perf_counter()
        notebook = nbformat.read(BUILT / f"{name}.ipynb", 4)
        kept = folder / "frames" / name
        made = None if still else frames_of(SOURCE / f"{name}.py", kept, most, seconds)
        nbformat.write(pages.page(notebook, name, where, made), source / f"{name}.ipynb")
        shutil.copy(BUILT / f"{name}.ipynb", extra / "download")
        nbformat.write(pages.for_colab(notebook, where), extra / "colab" / f"{name}.ipynb")
        count = sum(len(each["frames"]) for each in made or [])
        print(f"{name}: {count} frames, {time.perf_counter() - began:.0f} s", flush=True)
    if script:
        (source / "_static/mathjax").mkdir()
        shutil.copy(script, source / "_static/mathjax")
    (extra / ".nojekyll").touch()  # or GitHub leaves out the folders whose names begin with _
    environment = os.environ | {"LABKIT_SITE_EXTRA": str(extra)}
    subprocess.run([sys.executable, "-m", "sphinx", "-b", "html", "-q", "-d", str(folder / "doctrees"),
                    str(source), str(html)], check=True, env=environment)
    if not still:
        for name in names:
            shutil.copytree(folder / "frames" / name, html / "_static/frames" / name,
                            ignore=lambda _, files: [each for each in files if not each.endswith(".webp")])
    return html


def main(arguments=None):
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m labkit.site.build", description="Build the website.")
    parser.add_argument("names", nargs="*", help="beginnings of names, such as 03; all where none is given")
    parser.add_argument("--still", action="store_true", help="widgets as pictures, without running the labs")
    options = parser.parse_args(arguments)
    labs = [name for _, names in pages.contents((ROOT / "README.md").read_text()) for name in names]
    chosen = [name for name in labs if not options.names or name.startswith(tuple(options.names))]
    if not chosen:
        print(f"no lab begins with {', '.join(options.names)}; there are {', '.join(labs)}")
        return 2
    began = time.perf_counter(), os.times()
    html = build(chosen, still=options.still, script=mathjax(FOLDER / "mathjax"))
    used = os.times()
    processor = sum(getattr(used, each) - getattr(began[1], each)
                    for each in ("user", "system", "children_user", "children_system"))
    size = sum(path.stat().st_size for path in Path(html).rglob("*") if path.is_file()) / 1e6
    print(f"{len(chosen)} labs in {(time.perf_counter() - began[0]) / 60:.1f} minutes "
          f"({processor / 60:.1f} of the processor), {size:.0f} MB: {(html / 'index.html').relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
