"""The exercises of the labs: one module a lab, `lab_03.py`, each with a `check` (see labkit.lab.checks)."""
