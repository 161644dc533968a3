"""HL7 v2 as senders really write it: lines inside texts, files in several repetitions or segments."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest

from records.content import Reading
from tests.ingest.test_hl7 import PID, _lines, _message

Read = Callable[..., Reading]

RTF = base64.b64encode(rb"{\rtf1\ansi Op\'e9r\'e9 " + rb"d'une hernie " * 20 + rb"FIN}").decode()
LETTER = "Opéré " + "d'une hernie " * 20 + "FIN"
OTHER = base64.b64encode(b"Autre fichier").decode()
WORDS = "Le patient présente une pneumopathie du lobe moyen. " * 5


def _file(value: str, number: int = 1, name: str = "CR") -> str:
    return f"OBX|{number}|ED|{name}^Compte rendu^L|{number}|{value}||||||F"


@pytest.mark.parametrize("end", ["\r", "\n"])
def test_three_capitals_alone_on_a_line_are_words_of_the_text(read: Read, end: str) -> None:
    obx = "OBX|1|TX|1^CR||Bilan :\nNFS\nCRP\nnormaux||||||F"
    lines = _lines(read(_message(PID, obx, "NTE|1||Voir\nECG", "OBX|2|NM|2^K^L||4", end=end).encode()))
    assert lines == ["CR", "Bilan :", "NFS", "CRP", "normaux", "Commentaire : Voir", "ECG", "K (2 L) | 4"]


def test_a_segment_without_fields_is_no_text(read: Read) -> None:
    assert _lines(read(_message(PID, "OBX|1|NM|2^K^L||4||||||D", "ORC", "OBX|2|NM|2^Na^L||140").encode())) == [
        "K (2 L) | 4 | supprimé", "Na (2 L) | 140",
    ]  # fmt: skip


def test_indented_segments_are_segments(read: Read) -> None:
    assert _lines(read(_message(PID, "OBX|1|NM|2^K^L||4", end="\r\n  ").encode())) == ["K (2 L) | 4"]


def test_a_continued_segment_is_whole(read: Read) -> None:
    obx = ["OBX|1|FT|1^CR||Début du te", "ADD|xte, et sa fin||||||C"]
    assert _lines(read(_message(PID, *obx).encode())) == ["CR (1) | Début du texte, et sa fin | corrigé"]


def test_commands_with_a_blank_are_read(read: Read) -> None:
    assert _lines(read(_message(PID, "OBX|1|FT|1^CR||un\\.sk 3\\deux\\.sp 2\\trois").encode())) == [
        "CR", "un deux", "trois",
    ]  # fmt: skip


def _repeated(mark: str) -> str:
    return mark.join(RTF[at : at + 76] for at in range(0, len(RTF), 76))


@pytest.mark.parametrize(
    "segments",
    [
        [_file("^application^rtf^Base64^" + _repeated("~"))],
        [_file("^application^rtf^Base64^" + RTF[:101]), _file("^application^rtf^Base64^" + RTF[101:], 2)],
        [_file("^application^rtf^Base64^" + RTF[:100]), _file(RTF[100:200], 2), _file(RTF[200:], 3)],
        [_file(f"{RTF}^application^rtf^Base64")],
        [_file(f"^application^rtf^^{RTF}")],
    ],
)
def test_a_file_in_pieces_is_one(read: Read, segments: list[str]) -> None:
    assert [page.text for page in read(_message(PID, *segments).encode()).pages] == [LETTER]


def test_each_repetition_with_its_own_type_is_a_file(read: Read) -> None:
    value = f"^application^rtf^Base64^{RTF}~^text^plain^Base64^{OTHER}"
    assert [page.text for page in read(_message(PID, _file(value)).encode()).pages] == [LETTER, "Autre fichier"]


def test_files_after_each_other_stay_apart(read: Read) -> None:
    program = base64.b64encode(b"MZ\x90\x00" + bytes(range(256))).decode()
    segments = [_file(f"^^^Base64^{one}", number) for number, one in enumerate([RTF, OTHER, program], 1)]
    pages = read(_message(PID, *segments).encode()).pages
    assert [page.text for page in pages] == [LETTER, "Autre fichier", ""]
    assert "programme" in pages[2].note


def test_a_text_in_the_place_of_a_file_is_read(read: Read) -> None:
    assert _lines(read(_message(PID, _file(f"^TEXT^plain^^{WORDS}")).encode())) == [WORDS.strip()]
