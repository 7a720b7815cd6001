"""How the labs are run (see tests.notebooks.lab_file), and what each costs: processor seconds and peak memory of its
kernel, as a table at the end; over the promise fails the run."""

import contextlib
import os
from pathlib import Path

import pytest
from nbval.plugin import IPyNbCell, IPyNbFile

from labkit import datasets
from labkit.lab.build import SOURCE
from tests.browser.jupyter import JupyterLab
from tests.notebooks import other_processor
from tests.notebooks.lab_file import SHOWN, LabFile

FETCHED = {"18-smart-home": "homes", "21-recommendation": "ratings"}  # labs whose data do not ship with the package
MOST_SECONDS = 90  # 60 on a quiet processor as it is; the plainer one that the tests play, and shares, takes up to half longer
MOST_MEGABYTES = 700
# Binder promises 1 GB. Private training with Opacus; 60,000 photos under it; a zoo of audits; pictures out of gradients;
# rotation keys, whose memory SEAL keeps; pretrained models; many models of one data set.
MOST_MEGABYTES_OF = dict.fromkeys(("05", "06", "08", "10", "11", "13", "14b", "15b"), 1000) | dict.fromkeys(("05b", "14", "15"), 1150)


def _peak_megabytes(pid):
    """The most memory a process has held so far, as Linux counts it; None elsewhere."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def _processor_seconds(pid):
    """What a process and the children it has waited for computed so far, as Linux counts it; None elsewhere.

    The clock on the wall would tell more about the other tests, which share the processor.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def pytest_addoption(parser):
    group = parser.getgroup("labs")
    group.addoption("--jupyterlab", action="store_true",
                    help="run the notebooks in JupyterLab in Chromium, where there is one, and move their widgets")
    group.addoption("--pictures", action="store_true",
                    help="with --jupyterlab: leave pictures of each lab and its widgets in build/screenshots")


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path, parent):
    """A notebook that has a source is a lab; any other is left to nbval as it is."""
    return [LabFile.from_parent(parent, path=file_path)
            if type(each) is IPyNbFile and (SOURCE / f"{file_path.stem}.py").exists() else each for each in (yield)]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """The labs first: they take longest, and what is short shares itself out better between workers at the end."""
    items.sort(key=lambda item: not isinstance(item.parent, LabFile))
    for item in items:
        records = FETCHED.get(item.parent.path.stem) if isinstance(item.parent, LabFile) else None
        if records and not datasets.load(records).real and not os.environ.get("LABKIT_REQUIRE_DATA"):
            item.add_marker(pytest.mark.skip(reason=f"its stored numbers are those of the real {records}: "
                                                    "python -m labkit.datasets.fetch"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item):
    """A notebook's kernel starts in the set-up of its first cell, JupyterLab in that of the first lab."""
    with other_processor.played() if isinstance(item.parent, IPyNbFile) else contextlib.nullcontext():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item, nextitem):
    """The browser goes after the last lab."""
    result = yield
    if nextitem is None or not isinstance(nextitem.parent, LabFile):
        item.config.stash.get(SHOWN, JupyterLab()).close()
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if isinstance(item.parent, LabFile) and call.when == "call":
        pid = _pid(item.parent.kernel)
        used = (_processor_seconds(pid), _peak_megabytes(pid)) if pid else (None, None)
        report.user_properties.append(("lab", (item.parent.path.stem, isinstance(item, IPyNbCell), *used)))
    return report


def _pid(kernel):
    """The process of a lab's kernel; None where that is not known."""
    provisioner = getattr(getattr(kernel, "km", None), "provisioner", None)
    return getattr(kernel, "pid", None) or getattr(getattr(provisioner, "process", None), "pid", None)


def _costs(reporter):
    """For each lab: processor seconds and megabytes when its cells had run, and megabytes at the very end."""
    costs = {}
    for reports in reporter.stats.values():
        for report in reports:
            for key, value in getattr(report, "user_properties", []):
                if key == "lab" and report.when == "call":
                    name, is_cell, used, megabytes = value
                    seconds, run, after = costs.get(name, (0.0, 0.0, 0.0))
                    if is_cell:
                        seconds = max(seconds, used) if used is not None else seconds + report.duration
                        run = max(run, megabytes or 0.0)
                    costs[name] = (seconds, run, max(after, megabytes or 0.0))
    return costs


def _over(name, seconds, *megabytes):
    most = MOST_MEGABYTES_OF.get(name.split("-")[0], MOST_MEGABYTES)
    return seconds > MOST_SECONDS or max(megabytes) > most


def pytest_terminal_summary(terminalreporter):
    costs = _costs(terminalreporter)
    if costs:
        terminalreporter.section("what the labs cost: processor seconds and most memory when run, "
                                 "and with solutions and controls")
        for name, cost in sorted(costs.items()):
            over = "   OVER" if _over(name, *cost) else ""
            terminalreporter.write_line("{:32} {:6.1f} s {:8.0f} MB {:8.0f} MB{}".format(name, *cost, over))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    if os.environ.get("PYTEST_XDIST_WORKER"):
        return
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter and any(_over(name, *cost) for name, cost in _costs(reporter).items()):
        session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED
