"""Clusters of customers; the only package that uses scikit-learn."""

from scoring.model.choice import Candidate, fit_auto
from scoring.model.fit import Recipe, broken_names, fit, keep
from scoring.model.model import Assignment, Labels, Model, Start, nearest
from scoring.model.names import PROSPECTS
from scoring.model.quality import LARGEST, Fault, Quality, fault, measure, verdict
from scoring.model.shift import Shift, shift
from scoring.model.space import Points, Space
from scoring.model.stopping import stoppable

__all__ = [
    "LARGEST", "PROSPECTS", "Assignment", "Candidate", "Fault", "Labels", "Model", "Points",
    "Quality", "Recipe", "Shift", "Space", "Start", "broken_names", "fault", "fit", "fit_auto",
    "keep", "measure", "nearest", "shift", "stoppable", "verdict",
]  # fmt: skip
