"""Settings on the command line, in either spelling and any place."""

from __future__ import annotations

import argparse
import sys

import pytest

from recbole_slmrec.cli import parse_with_settings


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
