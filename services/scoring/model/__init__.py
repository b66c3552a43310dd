"""Clusters of customers; the only package that uses scikit-learn."""

from scoring.model.choice import Candidate, fit_auto
from scoring.model.fit import Recipe, broken_names, fit, keep, untrue_names
from scoring.model.hold import NOWHERE, find_away, hold, put_back
from scoring.model.model import Assignment, Labels, Model, Start, nearest
from scoring.model.names import PROSPECTS
from scoring.model.quality import LARGEST, Fault, Quality, fault, measure, verdict
from scoring.model.shift import Shift, shift
from scoring.model.space import Points, Space
from scoring.model.stopping import stoppable

__all__ = [
    "LARGEST", "NOWHERE", "PROSPECTS", "Assignment", "Candidate", "Fault", "Labels", "Model",
    "Points", "Quality", "Recipe", "Shift", "Space", "Start", "broken_names", "fault", "find_away",
    "fit", "fit_auto", "hold", "keep", "measure", "nearest", "put_back", "shift", "stoppable",
    "untrue_names", "verdict",
]  # fmt: skip
