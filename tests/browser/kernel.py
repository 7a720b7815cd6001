"""What nbval asks of a kernel, answered by a notebook that runs in JupyterLab.

nbval sends one cell after the other to a kernel and compares what comes back with what is stored. Here JupyterLab is
told to run all cells, as a reader would, and nbval gets the outputs that the page holds, cell by cell. So one run is
compared and shown, and can be used on: its widgets move.
"""

import pytest

CELLS = "jupyterapp.shell.currentWidget.content.widgets.filter(each => each.model.type === 'code')"
DONE = """number => {
    const cell = CELLS[number];
    return cell.model.executionCount !== null && cell.prompt !== '*' && cell.model.executionState !== 'running'
        || window.allRan;
}""".replace("CELLS", CELLS)
RAN = """number => {
    const {model} = CELLS[number];
    return {source: model.sharedModel.getSource(), count: model.executionCount, outputs: model.outputs.toJSON()};
}""".replace("CELLS", CELLS)


class ShownKernel:
    """Stands for nbval's RunningKernel.

    lab:  a JupyterLab (see tests.browser.jupyter).
    path: the notebook.
    """

    def __init__(self, lab, path):
        self.lab, self.page = lab, lab.open(path)
        self._started, self._next, self._messages, self._failed = False, 0, [], False
        self.pid = int(self.run_code("print(__import__('os').getpid())"))

    def run_all(self):
        """Start to run every cell, unless that was done before. The stored outputs go: none may pass for a new one."""
        if not self._started:
            self._started = True
            self.page.evaluate("""async () => {
                window.allRan = false;
                await jupyterapp.commands.execute('notebook:clear-all-cell-outputs');
                jupyterapp.commands.execute('notebook:run-all-cells').finally(() => { window.allRan = true });
            }""")

    def wait(self, seconds=600):
        """Run every cell and return when the last one is done."""
        self.run_all()
        self.page.wait_for_function("() => window.allRan", timeout=seconds * 1000)

    def run_code(self, code):
        """Run code in the kernel, as one more cell would; returns what it prints, an error's traceback included."""
        return self.page.evaluate("""async code => {
            const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
            const future = kernel.requestExecute({code, store_history: false});
            let text = '';
            future.onIOPub = ({header, content}) => {
                if (header.msg_type === 'stream') text += content.text;
                if (header.msg_type === 'error') text += content.traceback.join('\\n');
            };
            await future.done;
            return text;
        }""", code)

    def is_alive(self):
        return self.lab.page is not None

    def execute_cell_input(self, source, allow_stdin=None):
        """The next cell's number, which stands for nbval's message id."""
        self.run_all()
        number, self._next = self._next, self._next + 1
        return number

    def await_reply(self, number, timeout=None):
        """Wait until that cell is done, and keep its outputs as the messages that they came in."""
        self.page.wait_for_function(DONE, arg=number, timeout=timeout and timeout * 1000)
        ran = self.page.evaluate(RAN, number)
        if ran["count"] is None and ran["source"].strip():
            if self._failed:
                pytest.skip("JupyterLab stops at the first error, which is above")
            raise RuntimeError("JupyterLab did not run this cell")
        self._failed |= any(output["output_type"] == "error" for output in ran["outputs"])
        self._messages = [_message(number, output["output_type"], output) for output in ran["outputs"]]
        self._messages.append(_message(number, "status", {"execution_state": "idle"}))

    def get_message(self, stream, timeout=None):
        return self._messages.pop(0)

    def await_idle(self, number, timeout):
        self._messages.clear()

    def interrupt(self):
        self.page.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.session.kernel.interrupt()")

    def stop(self):
        self.lab.close_notebook()


def _message(number, kind, content):
    if isinstance(content.get("text"), list):
        content = content | {"text": "".join(content["text"])}
    return {"msg_type": kind, "content": content, "parent_header": {"msg_id": number}}
