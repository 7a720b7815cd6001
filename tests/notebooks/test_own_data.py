"""Lab 25 with a reader's file: of what the file holds, nothing but the release reaches the notebook's outputs."""

import json
import os

import nbformat
from nbclient import NotebookClient

from labkit import datasets
from labkit.lab.build import ROOT, read_source

SECRETS = ("ZEBRA4711", "geheim-9")


def test_planted_secrets_are_nowhere_in_the_outputs(tmp_path):
    lines = datasets.adult().table[["age", "sex", "hours_per_week", "income"]].head(3000).to_csv(index=False).splitlines()
    planted = ["ZEBRA4711,geheim-9,ZEBRA4711,geheim-9", '"ZEBRA4711,30,Male', "40,Male,40,>50K,ZEBRA4711,geheim-9", "1e999,geheim-9", "",
               "\x00ZEBRA4711", f"35,{'9' * 150_000}geheim-9,40,>50K"]
    path = tmp_path / "mine.csv"
    path.write_text("\n".join([lines[0] + ",ZEBRA4711", *lines[1:1500], *planted, *lines[1500:]]), encoding="utf-8")
    source = next((ROOT / "notebooks/source").glob("25-*.py"))
    notebook = nbformat.from_dict(read_source(source))
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    NotebookClient(notebook, timeout=600, kernel_name="python3").execute(env=os.environ | {"LABKIT_TABLE": str(path)})
    said = json.dumps([cell.get("outputs", []) for cell in notebook.cells], ensure_ascii=False)
    assert "measured here: count" in said and "mean age" in said and "Privacy statement" in said  # it was run, and released
    count = float(said.split("measured here: count")[1].split("±")[0].strip().replace(",", ""))
    assert abs(count - 3006) < 300  # this file, not the shipped one: scale 10
    for secret in (*SECRETS, "mine.csv", str(tmp_path)):
        assert secret not in said
