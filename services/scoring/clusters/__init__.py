"""Clusters of customers; the only package that uses scikit-learn."""

from scoring.clusters.choice import Candidate, fit_auto
from scoring.clusters.fit import Recipe, broken_names, fit
from scoring.clusters.model import Assignment, Labels, Model, Start, nearest
from scoring.clusters.quality import LARGEST, Fault, Quality, fault, measure, verdict
from scoring.clusters.space import Points, Space
from scoring.clusters.stopping import stoppable

__all__ = [
    "LARGEST",
    "Assignment",
    "Candidate",
    "Fault",
    "Labels",
    "Model",
    "Points",
    "Quality", "Recipe",
    "Space",
    "Start",
    "broken_names",
    "fault",
    "fit",
    "fit_auto",
    "measure",
    "nearest",
    "stoppable",
    "verdict",
]  # fmt: skip
