"""Clusters of customers; the only package that uses scikit-learn."""

from scoring.clusters.choice import Candidate, fit_auto
from scoring.clusters.fit import count_distinct, fit, thin_rows
from scoring.clusters.model import Assignment, Labels, Model, Start, nearest
from scoring.clusters.quality import LARGEST, Fault, Quality, fault, measure, verdict
from scoring.clusters.space import Points, Space
from scoring.clusters.stopping import stoppable

__all__ = [
    "LARGEST", "Assignment", "Candidate", "Fault", "Labels", "Model", "Points", "Quality", "Space",
    "Start", "count_distinct", "fault", "fit", "fit_auto", "measure", "nearest", "stoppable",
    "thin_rows", "verdict",
]  # fmt: skip
