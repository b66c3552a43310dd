"""Words for yes and for no, as programs write them into a column, in lower case."""

YES = frozenset({
    "true", "t", "yes", "y", "1", "x", "ja", "j", "oui", "si", "sí", "sim", "tak", "ano", "evet",
    "да", "はい", "是", "✓", "✔", "wahr", "vrai", "vero", "verdadero", "verdadeiro",
    "waar", "prawda",
})  # fmt: skip
NO = frozenset({
    "false", "f", "no", "n", "0", "nein", "non", "nee", "não", "nao", "nie", "ne", "nej", "hayır",
    "нет", "いいえ", "否", "falsch", "faux", "falso", "onwaar", "fałsz", "-",
})  # fmt: skip
