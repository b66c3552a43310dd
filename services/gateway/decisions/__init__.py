"""Files that wait for a person: the questions, the decision, and what is remembered of it."""
