"""``run``: train and evaluate one model, with the flags of RecBole's ``run_recbole.py``."""

from __future__ import annotations

import argparse
from typing import Sequence

from recbole_slmrec import quick_start
from recbole_slmrec.cli import config_files, parse_with_settings

_EPILOG = """
every setting is a flag too, as --key=value:
  --ssl_task=FM --tau_ssl=0.5 --learning_rate=0.0001 --modalities="[v,a]" --epochs=100
properties/overall.yaml and properties/model/SLMRec.yaml describe them; all of RecBole's work as well.

examples:
  {program} --model=SLMRec --dataset=ml-100k
  {program} --model=SLMRec --dataset=tiktok --ssl_task=FD
  {program} --model=LightGCN --dataset=tiktok --config_files="mine.yaml"
  {program} --model=SLMRec --dataset=tiktok --resume=saved/SLMRec-....pth --epochs=500
"""


def main(arguments: Sequence[str], program: str) -> int:
    """Trains a model and prints its result."""
    parser = argparse.ArgumentParser(
        prog=program,
        description="Train a model, ours or RecBole's, and evaluate it by full ranking.",
        epilog=_EPILOG.format(program=program),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--model", "-m", default="SLMRec", help="name of the model (SLMRec)")
    parser.add_argument("--dataset", "-d", default="ml-100k", help="name of the data set (ml-100k)")
    parser.add_argument(
        "--config_files", default="", help="YAML files of settings, space-separated"
    )
    parser.add_argument("--nproc", type=int, default=1, help="processes on this machine (1)")
    parser.add_argument("--world_size", type=int, default=-1, help="processes on all machines")
    parser.add_argument("--ip", default="localhost", help="address of the first machine")
    parser.add_argument("--port", default="5678", help="port of the first machine (5678)")
    parser.add_argument(
        "--group_offset", type=int, default=0, help="rank of the first process here"
    )
    flags, _ = parse_with_settings(parser, arguments)
    quick_start.run(
        flags.model,
        flags.dataset,
        config_file_list=config_files(flags.config_files),
        nproc=flags.nproc,
        world_size=flags.world_size,
        ip=flags.ip,
        port=flags.port,
        group_offset=flags.group_offset,
    )
    return 0
