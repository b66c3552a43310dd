"""Clusters of customers; the only package that uses scikit-learn."""

from scoring.clusters.choice import Candidate, fit_auto
from scoring.clusters.fit import count_distinct, fit, thin_rows
from scoring.clusters.model import Assignment, Labels, Model, nearest
from scoring.clusters.quality import LARGEST, Quality, measure, verdict
from scoring.clusters.space import Points, Space

__all__ = [
    "LARGEST", "Assignment", "Candidate", "Labels", "Model", "Points", "Quality", "Space",
    "count_distinct", "fit", "fit_auto", "measure", "nearest", "thin_rows", "verdict",
]  # fmt: skip
