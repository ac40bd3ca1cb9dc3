"""Compressed tables are what they are unpacked, in any encoding."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from pathlib import Path

import pyarrow as pa
import pytest

from recbole_slmrec.data.layouts import Reading
from recbole_slmrec.data.layouts.table import LAYOUT
from recbole_slmrec.data.packed import bare, encoding_of, open_text

TABLE = "user,item\nü,狐\nb,y\n"


def _zip(content: bytes, *more: str) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("log/interactions.csv", content)
        for name in more:
            archive.writestr(name, content)
    return target.getvalue()


def _zst(content: bytes) -> bytes:
    target = pa.BufferOutputStream()
    with pa.CompressedOutputStream(target, "zstd") as stream:
        stream.write(content)
    return target.getvalue().to_pybytes()


PACKED = {
    "csv": bytes,
    "csv.gz": gzip.compress,
    "csv.BZ2": bz2.compress,
    "csv.xz": lzma.compress,
    "csv.zip": _zip,
    "csv.zst": _zst,
}


def _read(path: Path, **reading) -> list[tuple[str, str]]:
    source = LAYOUT.read(path, Reading(**reading))
    frame = source.interactions["all"]
    return list(zip(source.users[frame["user"]], source.items[frame["item"]]))


@pytest.mark.parametrize("ending", PACKED)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_a_table_is_read_however_it_is_packed(tmp_path, ending, encoding):
    path = tmp_path / f"interactions.{ending}"
    path.write_bytes(PACKED[ending](TABLE.encode(encoding)))
    assert LAYOUT.matches(path) and LAYOUT.matches(tmp_path)
    assert _read(path) == _read(tmp_path) == [("ü", "狐"), ("b", "y")]


@pytest.mark.parametrize("encoding", ["gb18030", "cp1252", "utf-16-le", "UTF-8"])
def test_an_encoding_without_a_mark_is_given(tmp_path, encoding):
    text = TABLE.replace("狐", "ß") if encoding == "cp1252" else TABLE
    (tmp_path / "a.csv").write_bytes(text.encode(encoding))
    assert _read(tmp_path, encoding=encoding)[0] == ("ü", "ß" if encoding == "cp1252" else "狐")


@pytest.mark.parametrize("ending", list(PACKED)[1:])
def test_a_damaged_archive_is_named(tmp_path, ending):
    path = tmp_path / f"a.{ending}"
    packed = PACKED[ending](b"user,item\n" + b"".join(b"u%d,i%d\n" % (k, k) for k in range(9999)))
    for content in (packed[: len(packed) // 2], packed[:3], b"no archive", b""):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=f"a.{ending} (cannot be read as the table|is empty)"):
            _read(path)


def test_an_archive_of_several_files_or_with_a_password_is_refused(tmp_path):
    path = tmp_path / "a.csv.zip"
    path.write_bytes(_zip(TABLE.encode(), "b.csv"))
    with pytest.raises(ValueError, match="a.csv.zip holds 2 files; pack the one that is meant alo"):
        _read(path)
    content = bytearray(_zip(TABLE.encode()))
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="a.csv.zip asks for a password; unpack it first"):
        _read(path)


BAD_ENCODINGS = {
    "unknown": (TABLE.encode(), "utf-80", "--encoding=utf-80 is no encoding that Python knows"),
    "not said": (TABLE.encode("gb18030"), None, "line 2 is no text in UTF-8; say .* --encoding"),
    "no mark": (b"u\0,\0i\0\n\0", None, "first line has NUL characters; say .*utf-16-le"),
    "another": (TABLE.encode(), "ascii", "line 2 is no text in ASCII; say"),
}


@pytest.mark.parametrize("content, encoding, message", BAD_ENCODINGS.values(), ids=BAD_ENCODINGS)
def test_text_in_another_encoding_is_told(tmp_path, content, encoding, message):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        _read(tmp_path, encoding=encoding)


def test_what_is_packed_goes_by_the_name_that_it_has_unpacked():
    assert bare(Path("in/orders.csv.GZ")) == Path("in/orders.csv")
    assert bare(Path("orders.csv")) == Path("orders.csv")


def test_text_is_opened_without_its_mark(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("ä".encode("utf-16"))
    with open_text(path, encoding_of(path, None)) as file:
        assert file.read() == "ä"
