# SPDX-License-Identifier: GPL-3.0-or-later
"""Bench lines and the final table. No number here fails anything: the reader compares value and goal."""

import dataclasses
import statistics

@dataclasses.dataclass
class Measure:
    """One row. `against`: the columns whose best value ours is divided by; none: the goal is absolute."""

    key: str
    title: str
    unit: str
    goal: float = 0.0
    against: tuple = ()
    higher_is_better: bool = False
    values: dict = dataclasses.field(default_factory=dict)

    def add(self, who, value):
        self.values.setdefault(who, []).append(value)

    def median(self, who):
        return statistics.median(self.values[who]) if self.values.get(who) else None

    def spread(self, who):
        values = self.values[who]
        return abs((max(values) - min(values)) / 2 / (statistics.median(values) or 1))

    def ratio(self):
        ours = self.median("funnel")
        others = [value for value in map(self.median, self.against) if value]
        if not ours or not others:
            return None
        return ours / (max(others) if self.higher_is_better else min(others))

    def verdict(self):
        """(ratio, goal, met) as texts."""
        if not self.goal:
            return "", "", ""
        value = self.ratio() if self.against else self.median("funnel")
        sign = "≥" if self.higher_is_better else "≤"
        goal = f"{sign} {self.goal:g} ×" if self.against else f"{sign} {self.goal:g}"
        ratio = f"{value:.2f}" if self.against and value else ""
        if value is None:
            return ratio, goal, "not measured"
        return ratio, goal, "yes" if (value >= self.goal if self.higher_is_better else value <= self.goal) else "no"


class Report:
    def __init__(self):
        self.failed = 0

    def ok(self, name, value, unit):
        print(f"ok {name}: {number(value)} {unit}", flush=True)

    def not_ok(self, name, why):
        self.failed += 1
        print(f"not ok {name}: {why}", flush=True)

    def skip(self, name, why):
        print(f"skip {name}: {why}", flush=True)

    def print_lines(self, part, measures):
        for measure in measures:
            for who in measure.values:
                self.ok(f"{part}/{measure.key}/{who}", measure.median(who), measure.unit)

    def print_table(self, title, names, measures):
        measures = [measure for measure in measures if any(measure.values.get(name) for name in names)]
        if not measures:
            return
        print(f"\n### {title}\n")
        print(f"| measure | {' | '.join(names)} | ratio | goal | met |")
        print(f"|---|{'---:|' * len(names)}---:|---|---|")
        for measure in measures:
            cells = [cell(measure, name) for name in names]
            print(f"| {measure.title} [{measure.unit}] | {' | '.join(cells)} | {' | '.join(measure.verdict())} |")
        print(flush=True)


def number(value):
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def cell(measure, name):
    value = measure.median(name)
    if value is None:
        return "–"
    spread = f" ±{100 * measure.spread(name):.0f}%" if len(measure.values[name]) > 1 else ""
    return number(value) + spread
