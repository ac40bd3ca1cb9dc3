"""The scripts that put no spaces between words."""

from __future__ import annotations

# Of a character class: Han, kana, Thai, Lao, Burmese and Khmer.
WITHOUT_SPACES = (
    "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
    "\u3041-\u30ff\u31f0-\u31ff\uff66-\uff9f\u0e01-\u0e3a\u0e40-\u0eff\u1000-\u109f\u1780-\u17ff"
)
