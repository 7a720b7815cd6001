"""What each lab costs: processor seconds and peak memory of its kernel, as a table at the end; over the promise fails the run."""

import os
from pathlib import Path

import pytest

MOST_SECONDS, MOST_MEGABYTES = 60, 1500


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


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    if type(item).__name__ != "IPyNbCell" or call.when != "call":
        return
    report = outcome.get_result()
    provisioner = getattr(getattr(item.parent.kernel, "km", None), "provisioner", None)
    process = getattr(provisioner, "process", None)
    used = (_processor_seconds(process.pid), _peak_megabytes(process.pid)) if process else (None, None)
    report.user_properties.append(("lab", (item.parent.path.stem, *used)))


def _costs(reporter):
    costs = {}
    for reports in reporter.stats.values():
        for report in reports:
            for key, value in getattr(report, "user_properties", []):
                if key == "lab" and report.when == "call":
                    name, used, megabytes = value
                    seconds, most = costs.get(name, (0.0, 0.0))
                    seconds = max(seconds, used) if used is not None else seconds + report.duration
                    costs[name] = (seconds, max(most, megabytes or 0.0))
    return costs


def pytest_terminal_summary(terminalreporter):
    costs = _costs(terminalreporter)
    if costs:
        terminalreporter.section("what the labs cost")
        for name, (seconds, megabytes) in sorted(costs.items()):
            over = "   OVER" if seconds > MOST_SECONDS or megabytes > MOST_MEGABYTES else ""
            terminalreporter.write_line(f"{name:32} {seconds:6.1f} s {megabytes:8.0f} MB{over}")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    if os.environ.get("PYTEST_XDIST_WORKER"):
        return
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter and any(seconds > MOST_SECONDS or megabytes > MOST_MEGABYTES for seconds, megabytes in _costs(reporter).values()):
        session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED
