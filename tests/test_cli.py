"""Settings on the command line, in either spelling and any place."""

from __future__ import annotations

import argparse
import sys

import pytest

from recbole_slmrec.cli import config_files, guarded, parse_with_settings


def _parsed(arguments: str):
    parser = argparse.ArgumentParser(prog="verb", allow_abbrev=False)
    parser.add_argument("name")
    parser.add_argument("--plot", "-p")
    parser.add_argument("--force", action="store_true")
    sys.argv = ["verb", *arguments.split()]
    return parse_with_settings(parser, arguments.split())


@pytest.mark.parametrize(
    "arguments, settings",
    [
        ("shop", []),
        ("shop --data_path=there", ["--data_path=there"]),
        ("shop --data_path there", ["--data_path=there"]),
        ("--data_path there shop", ["--data_path=there"]),
        ("--alpha -0.5 shop --tau 1e-3", ["--alpha=-0.5", "--tau=1e-3"]),
        ("shop --plot a.png --seed 3 --force", ["--seed=3"]),
        ("shop -p a.png --modalities [v,a] --force", ["--modalities=[v,a]"]),
    ],
)
def test_a_setting_has_its_value_behind_a_sign_or_a_blank(arguments, settings):
    flags, found = _parsed(arguments)
    assert flags.name == "shop"
    assert flags.plot == ("a.png" if "a.png" in arguments else None)
    assert flags.force == ("--force" in arguments)
    assert found == settings
    # Where RecBole's Config looks for them, in the form that it reads.
    assert set(settings) <= set(sys.argv)


@pytest.mark.parametrize(
    "arguments, refused",
    [
        ("shop --seed", "--seed"),
        ("shop --seed --force", "--seed"),
        ("shop --seed -p a.png", "--seed"),
        ("shop there", "there"),
        ("shop --seed 3 there", "there"),
    ],
)
def test_what_has_no_value_or_no_key_is_refused(arguments, refused, capsys):
    with pytest.raises(SystemExit):
        _parsed(arguments)
    assert f"[{refused}] is not understood: settings are written --k" in capsys.readouterr().err


def test_a_setting_that_is_given_twice_is_told(caplog):
    _, settings = _parsed("shop --seed 3 --tau=1 --seed=4 --tau=1")
    assert settings == ["--seed=3", "--tau=1", "--seed=4", "--tau=1"]
    assert caplog.messages == ["--seed is given twice: the last one, 4, is taken"]


def test_config_files_may_have_spaces_in_their_names(tmp_path):
    (tmp_path / "my conf.yaml").touch()
    assert config_files("my conf.yaml") == ["my conf.yaml"]
    assert config_files("'my conf.yaml' b.yaml") == ["my conf.yaml", "b.yaml"]
    assert config_files("a.yaml b.yaml") == ["a.yaml", "b.yaml"]
    assert config_files("") == []
    with pytest.raises(
        ValueError, match="--config_files .* No closing quotation; write names with"
    ):
        config_files("it's.yaml")


def _raising(error: Exception):
    def command(arguments, program):
        raise error

    return command


@pytest.mark.parametrize(
    "error, sentence",
    [
        (
            ModuleNotFoundError("x", name="faiss"),
            "faiss is needed and not installed: pip install fais",
        ),
        (
            ModuleNotFoundError("x", name="a.b"),
            "the package a is needed and not installed: pip ins",
        ),
        (
            RuntimeError("[x] can't allocate memory: 244 bytes"),
            "there is not enough memory ([x] can't",
        ),
        (MemoryError(), "there is not enough memory (none left): lower embedding_size"),
        (ValueError("tau [0] is not"), "error: tau [0] is not"),
    ],
)
def test_what_the_user_can_mend_is_one_sentence(error, sentence, capsys):
    assert guarded(_raising(error), [], "verb") == 2
    told = capsys.readouterr().err
    assert sentence in told and told.startswith("error: ") and told.count("\n") == 2


def test_an_error_of_the_program_keeps_its_traceback():
    with pytest.raises(RuntimeError, match="shapes do not match"):
        guarded(_raising(RuntimeError("shapes do not match")), [], "verb")
