"""Clusters of customers; the only package that uses scikit-learn."""

from scoring.model.choice import Candidate, fit_auto
from scoring.model.fit import fit
from scoring.model.model import Assignment, Labels, Model, Start, nearest
from scoring.model.quality import LARGEST, Fault, Quality, fault, measure, verdict
from scoring.model.space import Points, Space
from scoring.model.stopping import stoppable

__all__ = [
    "LARGEST", "Assignment", "Candidate", "Fault", "Labels", "Model", "Points", "Quality", "Space",
    "Start", "fault", "fit", "fit_auto", "measure", "nearest", "stoppable", "verdict",
]  # fmt: skip
