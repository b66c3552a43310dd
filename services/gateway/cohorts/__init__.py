"""Cohorts: customers by the month of their first order, and what they did in the months since."""
