"""Which encoding a file has when it is not UTF-8, judged by how plausible its words look.

Every candidate that can decode the file is scored by its words: letters that a language uses
together, capitals at the beginning, a vowel beside a consonant, common characters of Chinese and
Japanese. The readings of two candidates may be equally plausible; then a person has to tell.
"""

import codecs
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from re import findall, finditer, search

MIXED = "mixed"
"""The registered error handler: what is no UTF-8 in a UTF-8 file is read as Windows-1252."""


def _as_windows(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


codecs.register_error(MIXED, _as_windows)


WESTERN = ("äöüß", "àâæçéèêëîïôœùûü", "áéíñóúü", "áâãàçéêíóôõú", "àèéìòù", "éëïöüèêáó", "æøåéäö",
           "åäöé")  # fmt: skip
CENTRAL = (
    "äöüß",
    "ąćęłńóśźż",
    "áčďéěíňóřšťúůýž",
    "áäčďéíĺľňóôŕšťúýž",
    "áéíóöőúüű",
    "ăâîşţ",
    "čćđšž",
)
TURKISH = ("çğıöşüâî",)
BALTIC = ("ąčęėįšųūž", "āčēģīķļņšūž", "äöüõšž")
"""The letters beyond a to z of each language, by region."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """A way to turn bytes into text."""

    name: str
    """For people and for answers."""
    codec: str
    errors: str = "strict"
    prior: float = 0.0
    """How much likelier it is than others before the words are looked at."""
    languages: tuple[str, ...] = WESTERN
    """The letters beyond a to z of the languages with a Latin alphabet that it is used for."""
    hints: tuple[str, ...] = ()
    """Words that a file of its countries tends to have."""

    def decode(self, raw: bytes) -> str:
        """The text. Raises UnicodeDecodeError."""
        return raw.decode(self.codec, self.errors)

    def decode_head(self, raw: bytes) -> str:
        """The same of the beginning of a file, which may end within a character."""
        errors = self.errors if self.errors != "strict" else "ignore"
        return raw.decode(self.codec, errors)


UTF8 = Encoding("utf-8", "utf-8")
MIXED_UTF8 = Encoding(
    "utf-8 and windows-1252", "utf-8", MIXED, 0.02, WESTERN + CENTRAL + TURKISH + BALTIC
)

ENCODINGS = (
    Encoding("windows-1252", "cp1252", prior=0.04),
    Encoding("windows-1250", "cp1250", prior=0.01, languages=CENTRAL,
             hints=("PLN", "CZK", "HUF", "RON", ".pl", ".cz", ".hu", ".sk", ".ro", ".hr", ".si")),
    Encoding("windows-1251", "cp1251", prior=0.01,
             hints=("RUB", "UAH", "BGN", ".ru", ".ua", ".bg")),
    Encoding("windows-1253", "cp1253", hints=(".gr",)),
    Encoding("windows-1254", "cp1254", languages=TURKISH, hints=("TRY", ".tr")),
    Encoding("windows-1257", "cp1257", languages=BALTIC, prior=-0.02, hints=(".lt", ".lv", ".ee")),
    Encoding("iso-8859-2", "iso8859_2", languages=CENTRAL),
    Encoding("iso-8859-15", "iso8859_15"),
    Encoding("koi8-r", "koi8_r", hints=("RUB", ".ru")),
    Encoding("mac-roman", "mac_roman"),
    Encoding("cp850", "cp850"),
    Encoding("cp852", "cp852", languages=CENTRAL, prior=-0.02),
    Encoding("cp866", "cp866", prior=-0.02, hints=("RUB", ".ru")),
    Encoding("gb18030", "gb18030", prior=0.01, hints=("CNY", "RMB", ".cn", "qq.com")),
    Encoding("shift-jis", "cp932", prior=0.01, hints=("JPY", ".jp")),
    Encoding("big5", "cp950", hints=("TWD", "NTD", ".tw")),
    Encoding("euc-jp", "euc_jp", hints=("JPY", ".jp")),
    Encoding("euc-kr", "cp949", hints=("KRW", ".kr")),
)  # fmt: skip
_HINT = 0.1

_FOLLOWED_BY = {"õ": "e", "ã": ("o", "e", ""), "œ": "bcdfilmnrstu", "ñ": "aeiouáéíóú",
                "ń": ("", *"bcdfghjklmprstwzśźż")}  # fmt: skip
"""What follows these letters in the languages that have them."""
_UNUSUAL = ("йа", "йе", "йи", "йу", "йю", "йя", "ьь", "ъъ", "ςα", "ςε", "ςο", "ςπ", "ςι", "ΰ", "ςτ")
"""Pairs that Russian and Greek hardly have."""
_VOWELS = frozenset("aeiouyæœøıĳ")
_COMMON = {
    "gb18030": ("gb2312", 0xB0, 0xD7), "cp932": ("cp932", 0x88, 0x97),
    "euc_jp": ("euc_jp", 0xB0, 0xCF), "cp950": ("big5", 0xA4, 0xC6),
    "cp949": ("euc_kr", 0xB0, 0xC8),
}  # fmt: skip
"""Codec: the character set and the lead bytes of its characters in everyday use (level 1)."""
_ANYWHERE = frozenset("€–—’‘“”„«»‹›•…·¿¡ªº°§©®™№\xa0\u3000")
"""Signs that may stand anywhere; others are rare beside letters."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a candidate makes of the lines."""

    encoding: Encoding
    lines: tuple[str, ...]
    score: float
    """At most about 1; below IMPLAUSIBLE its words are none."""

    @property
    def example(self) -> str:
        """A word that is not plain ASCII."""
        return next((word for line in self.lines for word in _words([line])), "")


IMPLAUSIBLE = 0.3
LONGEST_WORD = 200
"""Characters of what may be a word."""


def weigh(raw: Sequence[bytes], candidates: Iterable[Encoding] = ENCODINGS) -> list[Reading]:
    """What each candidate that can decode the lines makes of them, the most plausible first.

    Of candidates that read the same, only the likeliest stays.
    """
    plain = b"\n".join(raw).decode("ascii", "ignore")
    found: dict[tuple[str, ...], Reading] = {}
    for encoding in candidates:
        try:
            lines = tuple(map(encoding.decode, raw))
        except UnicodeDecodeError:
            continue
        hinted = _HINT * any(hint in plain for hint in encoding.hints)
        score = plausibility(lines, encoding) + encoding.prior + hinted
        if lines not in found or score > found[lines].score:
            found[lines] = Reading(encoding, lines, score)
    return sorted(found.values(), key=lambda reading: -reading.score)


def plausibility(lines: Iterable[str], encoding: Encoding) -> float:
    """How much the words that are not plain ASCII look like words."""
    scores = [_word(word, encoding) for word in _words(lines)]
    return sum(scores) / len(scores) if scores else 1.0


def _words(lines: Iterable[str]) -> set[str]:
    """The different words that are not plain ASCII."""
    return {
        word for line in lines if not line.isascii()
        for word in findall(r"""[^\s,;|\t"<>()/@]+""", line) if not word.isascii()
    }  # fmt: skip


def _word(word: str, encoding: Encoding) -> float:
    letters = [mark for mark in word if mark.isalpha()]
    strange = [mark for mark in word if not mark.isascii()]
    scripts = {_script(letter) for letter in letters}
    score = sum(_mark(mark, encoding.codec) for mark in strange) / len(strange)
    if len(scripts - {"KANA", "HAN"}) + bool(scripts & {"KANA", "HAN"}) > 1:
        score -= 1
    if not word.isupper() and any(mark.isupper() and not mark.isascii() for mark in word[1:]):
        score -= 1
    if scripts == {"LATIN"}:
        score += _latin(word.replace("İ", "i").lower(), encoding.languages)
    elif any(pair in word.lower() for pair in _UNUSUAL):
        score -= 0.4
    return max(score, -1.0)


def _mark(mark: str, codec: str) -> float:
    """A character by itself."""
    if not mark.isalpha():
        return 0.9 if mark in _ANYWHERE else -1.0
    if _script(mark) == "HALFWIDTH":
        return 0.0
    return _common(mark, codec) if codec in _COMMON else 1.0


def _latin(word: str, languages: Iterable[str]) -> float:
    """Whether one language has these letters, and whether the word could be said."""
    strange = [mark for mark in word if mark.isalpha() and not mark.isascii()]
    if not strange:
        return 0.0
    share = max(sum(mark in letters for mark in strange) / len(strange) for letters in languages)
    unsaid = sum(_is_unsaid(word, at) for at, mark in enumerate(word) if mark in strange)
    longest = max(map(len, findall(r"[^\x00-\x7f]+", word)))
    return (share - 1) * 0.8 - 0.4 * unsaid / len(strange) - 0.5 * (longest > 2)


def _is_unsaid(word: str, at: int) -> bool:
    """A vowel without a consonant beside it, a consonant without a vowel, or another rare pair."""
    mark, before, after = word[at], word[at - 1 : at] if at else "", word[at + 1 : at + 2]
    if mark in _FOLLOWED_BY:
        return after not in (*_FOLLOWED_BY[mark],)
    if "DIAERESIS" in unicodedata.name(mark, "") or not (before + after).isalpha():
        return False
    vowels = [_is_vowel(neighbour) for neighbour in before + after]
    return all(vowels) if _is_vowel(mark) else bool(before) and not any(vowels)


def twice_encoded(text: str) -> tuple[str, str] | None:
    """A word of UTF-8 that was taken for Windows-1252 and encoded again, and what it was."""
    for found in finditer(r"""[^\s,;|"]+""", text):
        word = found[0]
        if len(word) > LONGEST_WORD or not search(r"[\xc2-\xef][^\x00-\x7f]", word):
            continue
        try:
            return word, word.encode("cp1252").decode()
        except UnicodeError:
            continue
    return None


@cache
def _is_vowel(mark: str) -> bool:
    return unicodedata.normalize("NFD", mark)[0] in _VOWELS


@cache
def _script(letter: str) -> str:
    name = unicodedata.name(letter, "?").split(" ")[0]
    if name in ("HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"):
        return "KANA"
    return {"CJK": "HAN", "FEMININE": "LATIN", "MASCULINE": "LATIN", "HALFWIDTH": "HALFWIDTH"}.get(
        name, name
    )


@cache
def _common(mark: str, codec: str) -> float:
    """Whether the encoding has the character among those of everyday use."""
    charset, first, last = _COMMON[codec]
    try:
        raw = mark.encode(charset)
    except UnicodeEncodeError:
        return 0.2
    is_everyday = _script(mark) == "KANA" or (len(raw) == 2 and first <= raw[0] <= last)
    return 1.0 if is_everyday else 0.2
