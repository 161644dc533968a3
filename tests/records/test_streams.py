"""Sealed streams: what is read anywhere is what was written there, and nothing else opens."""

from __future__ import annotations

import io
import os
import tempfile
from typing import BinaryIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from access.refusal import Refusal
from records import streams
from records.streams import HEADER, TAG, StreamReader, StreamWriter

KEY = bytes(range(32))
SMALL = 24  # bytes a chunk, so that a few hundred bytes make many
PLACE, LABEL = "patient\x1fupload", "upload-1"


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "CHUNK", SMALL)


def sealed(parts: list[bytes], *, key: bytes = KEY, place: str = PLACE, label: str = LABEL) -> bytes:
    sink = io.BytesIO()
    writer = StreamWriter(sink.write, key, place)
    for part in parts:
        writer.write(part)
    writer.finish(label)
    return sink.getvalue()


def source(data: bytes) -> BinaryIO:
    file = tempfile.TemporaryFile()  # noqa: SIM115
    file.write(data)
    file.seek(0)
    return file  # type: ignore[return-value]


def opened(data: bytes, *, key: bytes = KEY, place: str = PLACE, label: str = LABEL) -> bytes:
    with source(data) as file:
        reader = StreamReader(file, key, place, label)
        return reader.read(0, reader.size)


parts = st.lists(st.binary(max_size=3 * SMALL), max_size=8)


@pytest.mark.usefixtures("small_chunks")
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=parts, ranges=st.lists(st.tuples(st.integers(0, 700), st.integers(0, 700)), max_size=10))
def test_any_range_is_the_slice(parts: list[bytes], ranges: list[tuple[int, int]]) -> None:
    whole = b"".join(parts)
    with source(sealed(parts)) as file:
        reader = StreamReader(file, KEY, PLACE, LABEL)
        assert reader.size == len(whole)
        for start, end in [(0, len(whole)), *ranges]:
            assert reader.read(start, end) == whole[start:end]


@pytest.mark.parametrize("size", [0, 1, streams.CHUNK - 1, streams.CHUNK, streams.CHUNK + 1, 3 * streams.CHUNK])
def test_real_chunks_at_their_edges(size: int) -> None:
    content = os.urandom(size)
    data = sealed([content])
    assert opened(data) == content
    assert len(data) == HEADER + size + TAG * max(1, -(-size // streams.CHUNK))


@pytest.mark.usefixtures("small_chunks")
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=parts, cut=st.integers(1, 400))
def test_a_cut_anywhere_is_found_on_opening(parts: list[bytes], cut: int) -> None:
    data = sealed(parts)
    with pytest.raises(Refusal, match="abîmée"):
        opened(data[: max(0, len(data) - cut)])


@pytest.mark.usefixtures("small_chunks")
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=parts, where=st.integers(0, 10_000), flip=st.integers(1, 255))
def test_a_changed_byte_is_found(parts: list[bytes], where: int, flip: int) -> None:
    data = bytearray(sealed(parts))
    data[where % len(data)] ^= flip
    with pytest.raises(Refusal, match="abîmée"):
        opened(bytes(data))


@pytest.mark.usefixtures("small_chunks")
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(extra=st.binary(min_size=1, max_size=200), content=st.binary(max_size=200))
def test_bytes_added_at_the_end_are_found(extra: bytes, content: bytes) -> None:
    with pytest.raises(Refusal, match="abîmée"):
        opened(sealed([content]) + extra)


def chunks(data: bytes) -> list[bytes]:
    body = data[HEADER:]
    return [body[at : at + SMALL + TAG] for at in range(0, len(body), SMALL + TAG)]


@pytest.fixture
def two(request: pytest.FixtureRequest) -> tuple[bytes, bytes]:
    request.getfixturevalue("small_chunks")
    return sealed([bytes(SMALL * 4)]), sealed([bytes(SMALL * 4)])


def test_chunks_cannot_be_reordered_dropped_doubled_or_taken_from_another_stream(two: tuple[bytes, bytes]) -> None:
    data, other = two
    header, (a, b, c, d) = data[:HEADER], chunks(data)
    assert opened(header + a + b + c + d) == bytes(SMALL * 4)
    for wrong in ([b, a, c, d], [a, b, d], [a, b, c], [a, a, b, c, d], [chunks(other)[0], b, c, d], [a, b, d, c]):
        with pytest.raises(Refusal, match="abîmée"):
            opened(header + b"".join(wrong))


def test_equal_contents_give_unequal_streams(two: tuple[bytes, bytes]) -> None:
    assert two[0] != two[1]
    assert not set(chunks(two[0])) & set(chunks(two[1]))


@pytest.mark.parametrize("other", [{"key": bytes(32)}, {"place": "patient\x1freading"}, {"label": "upload-2"}])
def test_another_key_place_or_label_does_not_open(other: dict[str, str]) -> None:
    with pytest.raises(Refusal, match="abîmée"):
        opened(sealed([b"x" * 100_000]), **other)  # type: ignore[arg-type]


def test_no_header_is_no_stream() -> None:
    for data in (b"", b"ANB1", b"%PDF-1.7 " * 40):
        with pytest.raises(Refusal, match="abîmée"):
            opened(data)


@pytest.mark.usefixtures("small_chunks")
def test_the_last_chunk_is_marked_even_without_a_label() -> None:
    data = sealed([bytes(SMALL * 4)], label="")
    assert opened(data, label="") == bytes(SMALL * 4)
    for kept in (1, 2, 3):
        with pytest.raises(Refusal, match="abîmée"):
            opened(data[: HEADER + kept * (SMALL + TAG)], label="")
