"""The words of a text, in any script."""

from __future__ import annotations

import re
import unicodedata

from recbole_slmrec.data.scripts import WITHOUT_SPACES

# Accents and vowel signs, which belong to the letter before them and are no letters to `re`.
_MARKS = "".join(
    character for character in map(chr, range(0x10000)) if unicodedata.category(character)[0] == "M"
)
_LETTERS = rf"\w{_MARKS}"
_WORD = re.compile(f"[{WITHOUT_SPACES}]+|(?:(?![{WITHOUT_SPACES}])[{_LETTERS}])+")
_CONTINUOUS = re.compile(f"[{WITHOUT_SPACES}]")


def words_of(text: str) -> list[str]:
    """The words of a text, in small letters and in their order.

    A word is a run of letters and digits. In scripts that put no spaces between words, where a run
    may be a whole sentence, each pair of neighbouring characters is one, as is usual in retrieval
    (Nie et al., On the Use of Words and N-grams for Chinese Information Retrieval, 2000).
    """
    words = []
    for run in _WORD.findall(text.lower()):
        if _CONTINUOUS.match(run) and len(run) > 1:
            words += map("".join, zip(run, run[1:]))
        else:
            words.append(run)
    return words


def has_no_spaces(text: str) -> bool:
    """Whether a text has a word in a script that puts no spaces between words."""
    return bool(_CONTINUOUS.search(text))
