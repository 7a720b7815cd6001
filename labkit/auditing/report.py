"""How a release audit is told: a table of what was found, with controls and intervals, and a statement in words."""

from labkit.auditing import findings
from labkit.dp.auditing.one_run import one_run_bound

VERDICTS = {
    "leaks": "LEAKS. With {sure} confidence the model knows planted secrets (found by: {tests}).",
    "nothing found": "NOTHING FOUND. None of the tests found the planted secrets with {sure} confidence. This proves nothing: other secrets, "
                     "other prompts, repeated records or a better attack may find more.",
    "in doubt": "IN DOUBT. The audit does not trust itself: {doubts}",
}


class Report:
    """The words of a `ReleaseAudit`, which has the fields."""

    def rows(self):
        """[(what, planted, controls, p-value)]: planted and controls are (value, low, high) or None, the p-value a number or None."""
        inside, p, rows = self.canaries.planted, self.p_values, []

        def both(values, told):
            return [told(values[each], self.confidence) for each in (inside, ~inside)]

        if self.exposure is not None:
            rows.append(("exposure in bits, median", *both(self.exposure, findings.median_interval), p["exposure"]))
        if self.exposure_before is not None:
            rows.append(("the same before, in the reference", *both(self.exposure_before, findings.median_interval), None))
        for attempts in self.attempts if self.log_probability is not None else ():
            rows.append((f"extractable, n = {attempts:,}, p = {self.chance:g}", *both(self.extractable(attempts), findings.share_interval),
                         p["extraction"] if attempts == self.attempts[-1] else None))
        if self.said is not None:
            rows.append((f"said within {self.samples:,} samples", *both(self.said, findings.share_interval), p["sampling"]))
        if self.sureness is not None:
            area = findings.area_interval(self.sureness[inside], self.sureness[~inside], self.confidence)
            rows.append(("pairs told apart", area, None, p["membership"]))
        return rows

    def table(self):
        """A pandas DataFrame of str: a row for each finding, columns planted, controls and chance (the p-value)."""
        import pandas as pd

        rows = self.rows()
        bits = {name: name.startswith(("exposure", "the same")) for name, *_ in rows}
        cells = [[_cell(planted, bits[name]), _cell(controls, bits[name]), "" if p is None else f"{p:.1g}"] for name, planted, controls, p in rows]
        epsilon = self.epsilon_at_least()
        if epsilon is not None:
            cells.append([f"{epsilon.epsilon:.2g}", "", ""])
        names = [*bits, *([f"epsilon at least (delta {self.delta:g})"] if epsilon is not None else [])]
        inside = int(self.canaries.planted.sum())
        return pd.DataFrame(cells, index=names, columns=[f"planted ({inside})", f"controls ({len(self.canaries) - inside})", "by chance"])

    def interval(self):
        """(median, low, high) of the exposure of the planted secrets, in bits. ValueError where exposure was not measured."""
        if self.exposure is None:
            raise ValueError("exposure must have been measured: give score, and canaries with candidates")
        return findings.median_interval(self.exposure[self.canaries.planted], self.confidence)

    def epsilon_at_least(self):
        """A OneRunBound on epsilon, one canary added or removed; None where the coins were not tossed here, or nothing was scored."""
        if not self.canaries.by_lot or self.sureness is None:
            return None
        return one_run_bound(self.sureness, self.canaries.planted, delta=self.delta, confidence=self.confidence)

    def statement(self):
        """What may be said of this audit: verdict, what was done, what was found, what it does not say. A str of a few lines."""
        sure, inside = f"{100 * self.confidence:.4g} %", int(self.canaries.planted.sum())
        lines = [VERDICTS[self.verdict].format(sure=sure, tests=", ".join(self.found_by), doubts="; ".join(self.doubts))]
        values = self.canaries.candidates
        lines.append(f"Canaries: {inside} planted, {len(self.canaries) - inside} controls" + (
            f", each secret drawn by lot among {len(values):,} values, a coin for each." if self.canaries.by_lot else
            "; both were given, so that the controls are worth what the likeness of the texts is worth."))
        for name, planted, controls, p in self.rows():
            bits = name.startswith(("exposure", "the same"))
            lines.append(f"{name[0].upper()}{name[1:]}: {_cell(planted, bits)}" + (f"; controls {_cell(controls, bits)}" if controls else "")
                         + (f"; by chance alone: {p:.1g}." if p is not None else "."))
        epsilon = self.epsilon_at_least()
        if epsilon is not None:
            lines.append(f"Epsilon, one canary added or removed: at least {epsilon.epsilon:.2g} at delta {self.delta:g}.")
        lines.append(f"Intervals are at {sure} each; the verdict shares its error among {len(self.p_values)} tests. Not covered: what is in the "
                     "data more often than the canaries, prompts unlike theirs, attackers who see the weights, several releases.")
        return "\n".join(lines) + "\n"


def _cell(triple, bits):
    if triple is None:
        return ""
    value, low, high = triple
    return f"{value:.1f} ({low:.1f} to {high:.1f})" if bits else f"{value:.0%} ({low:.0%} to {high:.0%})"
