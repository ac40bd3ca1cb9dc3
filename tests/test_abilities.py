"""The table of what models can do: as README.md has it, and as the classes are."""

from __future__ import annotations

from pathlib import Path

from recbole_slmrec.abilities import abilities, matrix
from recbole_slmrec.model.freedom import FREEDOM
from recbole_slmrec.registry import MODELS

README = Path(__file__).parent.parent / "README.md"


def test_readme_has_the_table_as_it_is():
    assert matrix() in README.read_text(encoding="utf-8"), (
        "replace the table in README.md by that of python -m recbole_slmrec.abilities"
    )


def test_every_model_has_a_row_with_its_abilities():
    rows = {line.split(" | ")[0].lstrip("| "): line for line in matrix().splitlines()[2:]}
    assert list(rows) == list(MODELS)
    assert rows["SLMRec"] == "| SLMRec | any number | yes | yes | yes | yes |"
    assert rows["ContentKNN"] == "| ContentKNN | 1 or more |  |  |  |  |"


def test_a_model_made_from_ours_can_do_what_that_can():
    kin = type("Kin", (FREEDOM,), {})
    assert abilities(kin) == abilities(FREEDOM)
