"""What stands between nbval and JupyterLab, with a page that answers what it is told: nbval judges these outputs as it
judges those of a kernel of its own."""

import nbformat
import pytest
from nbval.plugin import IPyNbFile, NbCellError

from tests.browser.kernel import RAN, ShownKernel


class Page:
    """Plays JupyterLab's page after a run: `ran` is what each code cell holds."""

    def __init__(self, ran):
        self.ran = ran

    def evaluate(self, code, argument=None):
        if code == RAN:
            return self.ran[argument]
        return "4711\n" if "requestExecute" in code else None

    def wait_for_function(self, code, arg=None, timeout=None):
        pass


class Lab:
    def __init__(self, ran):
        self.page = Page(ran)

    def open(self, path):
        return self.page


def printed(text):
    return {"output_type": "stream", "name": "stdout", "text": text}


def shown(text, **more):
    return {"output_type": "execute_result", "metadata": {}, "data": {"text/plain": text, **more}, "execution_count": 1}


FAILURE = {"output_type": "error", "ename": "ZeroDivisionError", "evalue": "no", "traceback": ["no"]}


def verdict(request, tmp_path, stored, ran, count=1, tags=()):
    """Run a notebook of one cell, whose outputs are `stored`, where JupyterLab shows the outputs `ran`."""
    cell = nbformat.v4.new_code_cell("1", execution_count=1, metadata={"tags": list(tags)},
                                     outputs=list(map(nbformat.from_dict, stored)))
    path = tmp_path / "lab.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    file = IPyNbFile.from_parent(request.session, path=path)
    file.kernel = ShownKernel(Lab([{"source": "1", "count": count, "outputs": ran}]), path)
    file.setup_sanitize_files()
    item, = file.collect()
    item.runtest()


@pytest.mark.parametrize("stored, ran", [
    ([], []),
    ([printed("a\nb\n")], [printed("a\n"), printed("b\n")]),
    ([printed("a\nb\n")], [printed(["a\n", "b\n"])]),  # lines, as a notebook's file has them
    ([printed("measured here: 3\n")], [printed("measured here: 4\n")]),
    ([shown("3", **{"image/png": "aaaa"})], [shown("3", **{"image/png": "bbbb"})]),
])
def test_what_agrees_passes(request, tmp_path, stored, ran):
    verdict(request, tmp_path, stored, ran)


@pytest.mark.parametrize("stored, ran", [
    ([printed("3\n")], [printed("4\n")]),
    ([printed("3\n")], []),
    ([], [printed("3\n")]),
    ([], [printed("careful\n") | {"name": "stderr"}]),
    ([shown("3")], [shown("4")]),
])
def test_what_differs_fails(request, tmp_path, stored, ran):
    with pytest.raises(NbCellError, match="Cell outputs differ"):
        verdict(request, tmp_path, stored, ran)


def test_an_error_fails_unless_the_cell_says_so(request, tmp_path):
    with pytest.raises(NbCellError, match="caused an exception"):
        verdict(request, tmp_path, [], [FAILURE])
    verdict(request, tmp_path, [FAILURE], [FAILURE], tags=["raises-exception"])


def test_a_cell_that_was_not_run_fails_and_is_skipped_only_after_an_error(request, tmp_path):
    with pytest.raises(RuntimeError, match="did not run this cell"):
        verdict(request, tmp_path, [], [], count=None)
    kernel = ShownKernel(Lab([{"source": "1 / 0", "count": 1, "outputs": [FAILURE]},
                              {"source": "2", "count": None, "outputs": []}]), tmp_path)
    kernel.await_reply(kernel.execute_cell_input("1 / 0"))
    with pytest.raises(pytest.skip.Exception, match="stops at the first error"):
        kernel.await_reply(kernel.execute_cell_input("2"))
