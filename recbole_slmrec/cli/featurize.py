"""``featurize``: texts or images of items become a modality of a prepared data set."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import Sequence

import numpy as np

from recbole_slmrec.data.files import named_by
from recbole_slmrec.featurize.batches import Encoder, digest_of, digest_of_files, encoded_rows
from recbole_slmrec.featurize.image import ImageEncoder, images_of
from recbole_slmrec.featurize.items import Items, read_items
from recbole_slmrec.featurize.output import matrix_path, write_modality
from recbole_slmrec.featurize.text import (
    SentenceEncoder,
    longest_first,
    texts_of_fields,
    texts_of_table,
    tfidf_rows,
)

_WIDTH = 128
_N_NAMED = 5

_EPILOG = """
An interrupted run goes on when the same command is given again.

examples:
  {program} shop text --field title brand
  {program} shop text --table products.csv --item asin --column description --model all-MiniLM-L6-v2
  {program} shop image --images photos
"""


def main(arguments: Sequence[str], program: str) -> int:
    """Makes features of texts or images and declares them in the data set."""
    flags = _parser(program).parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    items = read_items(flags.name, flags.data_path)
    with named_by("--data_path"):
        target = matrix_path(items, flags.modality, flags.force)
        flags.featurize(flags, items, target)
    print(
        f"{target} is ready, as the modality {flags.modality}: "
        f"python run_recbole.py --model=SLMRec --dataset={flags.name}"
    )
    return 0


def _parser(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program,
        description="Make features of the items' texts or images and add them to a prepared data "
        "set: NAME gets MODALITY_feat.npy, and NAME.yaml declares it.",
        epilog=_EPILOG.format(program=program),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", metavar="NAME", help="name of the data set, such as tiktok")
    contents = parser.add_subparsers(metavar="text|image", dest="content", required=True)
    _add_text(contents, program)
    _add_image(contents, program)
    return parser


def _add_text(contents, program: str) -> None:
    parser = contents.add_parser(
        "text",
        help="of titles or descriptions (NAME text --help)",
        prog=f"{program} NAME text",
        description="Features of texts: TF-IDF weights reduced by an SVD, or the vectors of a "
        "sentence-transformers model. Several fields or columns are put one after the other.",
        epilog=f"example: {program} shop text --field title brand",
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--field", nargs="+", help="fields of NAME.item")
    source.add_argument("--table", type=Path, help="or a CSV, TSV or Parquet file, and of it:")
    parser.add_argument("--column", nargs="+", help="columns of the table with the texts")
    parser.add_argument("--item", help="its column of item ids (recognised)")
    parser.add_argument("--encoding", help="of its text, such as cp1252 (UTF-8)")
    parser.add_argument(
        "--model", help="folder or name of a sentence-transformers model, in place of TF-IDF"
    )
    parser.add_argument("--width", type=_count, help=f"columns of TF-IDF's features ({_WIDTH})")
    _add_common(parser, "t", batch_size=32)
    parser.set_defaults(featurize=_featurize_text)


def _add_image(contents, program: str) -> None:
    parser = contents.add_parser(
        "image",
        help="of a folder of pictures (NAME image --help)",
        prog=f"{program} NAME image",
        description="Features of images: what the last hidden layer of a torchvision classifier "
        "makes of them. An image is named by the id of its item, such as B0001.jpg.",
        epilog=f"example: {program} shop image --images photos --model resnet18",
    )
    parser.add_argument("--images", type=Path, required=True, help="folder of the images")
    parser.add_argument(
        "--model", default="resnet50", help="torchvision's name of the classifier (resnet50)"
    )
    parser.add_argument(
        "--weights", type=Path, help="file of its state dict (what torchvision recommends, fetched)"
    )
    _add_common(parser, "v", batch_size=64)
    parser.set_defaults(featurize=_featurize_images)


def _add_common(parser: argparse.ArgumentParser, modality: str, batch_size: int) -> None:
    parser.add_argument("--modality", default=modality, help=f"its name ({modality})")
    parser.add_argument(
        "--batch_size", type=_count, default=batch_size, help=f"inputs at a time ({batch_size})"
    )
    parser.add_argument(
        "--data_path", type=Path, default=Path("dataset"), help="where data sets lie (dataset)"
    )
    parser.add_argument("--force", action="store_true", help="replace a modality of that name")


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number of at least 1")
    return int(text)


def _featurize_text(flags: argparse.Namespace, items: Items, target: Path) -> None:
    if flags.model and flags.width:
        raise ValueError("--width is for TF-IDF; the model has a width of its own, leave it out")
    texts = _texts(flags, items)
    if not flags.model:
        rows = tfidf_rows(texts, len(items.ids), flags.width or _WIDTH)
        _write(flags, items, target, rows)
        return
    encoder = SentenceEncoder(flags.model)
    made_of = {"model": _named_model(flags.model), "texts": digest_of(*texts.items())}
    _encode(flags, items, target, made_of, longest_first(texts), encoder)


def _texts(flags: argparse.Namespace, items: Items) -> dict[int, str]:
    if flags.field:
        if flags.column or flags.item or flags.encoding:
            raise ValueError("--column, --item and --encoding are for --table; leave them out")
        return texts_of_fields(items, flags.field)
    if not flags.column:
        raise ValueError(f"say with --column which columns of {flags.table} hold the texts")
    return texts_of_table(items, flags.table, flags.column, flags.item, flags.encoding)


def _named_model(model: str) -> str:
    folder = Path(model)
    if not folder.is_dir():
        return model
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return f"{folder.resolve()} ({digest_of_files(files)})"


def _featurize_images(flags: argparse.Namespace, items: Items, target: Path) -> None:
    images = images_of(items, flags.images)
    encoder = ImageEncoder(flags.model, flags.weights)
    made_of = {
        "model": flags.model,
        "weights": digest_of_files([encoder.weights]),
        "images": digest_of(*images, digest_of_files(images.values())),
    }
    _encode(flags, items, target, made_of, images, encoder)


def _encode(
    flags: argparse.Namespace,
    items: Items,
    target: Path,
    made_of: dict[str, str],
    inputs: dict,
    encoder: Encoder,
) -> None:
    n_rows = len(items.ids)
    with encoded_rows(target, made_of, n_rows, inputs, encoder, flags.batch_size) as result:
        rows, unreadable = result
        if unreadable:
            named = ", ".join(str(inputs[row]) for row in unreadable[:_N_NAMED])
            more = ", ..." if len(unreadable) > _N_NAMED else ""
            logging.getLogger().warning(
                f"{len(unreadable):,} cannot be read and count as missing: {named}{more}"
            )
        _write(flags, items, target, rows)


def _write(flags: argparse.Namespace, items: Items, target: Path, rows: np.ndarray) -> None:
    missing = int(np.count_nonzero(~rows.any(axis=1)))
    if missing == len(rows):
        raise ValueError(f"not one item has features, so {target} is not written")
    write_modality(items, flags.modality, target, rows)
    logging.getLogger().info(
        f"{rows.shape[0]:,} x {rows.shape[1]:,}; {missing:,} items have no features, but zeros"
    )
