"""How segments were made, in words."""

import pytest

from gateway.kit.recipe import Recipe


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        (Recipe("promises", 365, 5, "log1p"),
         "Rule promises: each name is checked against its cluster's figures · window 365 days"
         " · k = 5 · transform log1p"),
        (Recipe("classic", 1000, 8, "none"),
         "Rule classic: names by the eight classic rules on cluster centres · window 1,000 days"
         " · k = 8 · transform none"),
        (Recipe(None, 90, None, None), "window 90 days"),
    ],
)  # fmt: skip
def test_the_line_names_rule_window_k_and_transform(recipe: Recipe, words: str) -> None:
    assert recipe.words == words
