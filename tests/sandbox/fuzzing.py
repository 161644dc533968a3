"""Valid samples, mutated: what fuzzing of the parsers starts from, and what counts as an escape."""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from access.refusal import Refusal
from ingest.limits import Limits
from ingest.sandbox.bounds import MIB, Bounds
from ingest.sandbox.client import Ended, More, Sandbox
from ingest.sandbox.verdict import ChildLost
from samples.hostile import animated, cda, cda_around, pdf_of_forms, pdf_of_image, picture, turned
from tests.ingest import pdfs, test_containers, test_letters
from tests.ingest.test_hostile_formats import SEEDS

BOUNDS = Bounds(cpu=20, wall=60, memory=512 * MIB, answer=32 * MIB)
LIMITS = Limits(pages=100, pixels=4_000_000, characters=1_000_000)
TEXT = "Compte rendu : allergie à la pénicilline, œdème, 37,5 °C.\n" * 5

SAMPLES: dict[str, Callable[[], bytes]] = {
    "pdf": lambda: pdfs.pages(2),
    "pdf-table": lambda: pdfs.simple(),
    "pdf-forms": lambda: pdf_of_forms(depth=2, width=3),
    "pdf-image": lambda: pdf_of_image(80, 60),
    "tiff": lambda: animated("TIFF", 2),
    "tiff-lzw": lambda: picture("TIFF", compression="tiff_lzw"),
    "tiff-group4": lambda: picture("TIFF", "1", compression="group4"),
    "png": lambda: picture("PNG", size=(60, 40)),
    "jpeg": turned,
    "cda": lambda: cda("<paragraph>Allergie</paragraph><table><tr><td>Sodium</td></tr></table>"),
    "cda-pdf": lambda: cda_around(pdfs.simple("Lettre")),
    "text": lambda: TEXT.encode(),
    "text-utf16": lambda: TEXT.encode("utf-16"),
    "heic": test_letters.photograph,
    "zip-pdf": lambda: test_containers._zip({"a.txt": b"Iode", "b.pdf": pdfs.simple("Lettre")}),
    **{kind: make for kind, make in SEEDS.items() if kind not in ("cda", "fhir xml")},  # a Patient alone says nothing
}
WORDS = (
    *(b"0", b"-1", b"4294967295", b"2147483648", b"99999999999999999999", b"/Length 0", b"endstream", b"endobj", b">>"),
    *(b"stream\n", b"[[[[", b"<<", b"1 0 R", b"3 0 R", b"/Kids", b"/Filter [/FlateDecode /FlateDecode]", b"startxref"),
    *(b"<!DOCTYPE x>", b"]]>", b"<![CDATA[", b"&#0;", b"&x;", b"</text>", b"\x00", b"\xff\xfe", b"\xed\xa0\x80", b"\f"),
)


def mutated(data: bytes, choice: random.Random) -> bytes:
    """One to six changes: bytes, runs, words that readers trip over, cuts, repeats."""
    out = bytearray(data)
    for _ in range(choice.randint(1, 6)):
        at = choice.randrange(len(out) + 1)
        kind = choice.randrange(7)
        if kind == 0 and at < len(out):
            out[at] ^= 1 << choice.randrange(8)
        elif kind == 1 and at < len(out):
            out[at] = choice.choice((0, 1, 0x7F, 0x80, 0xFF, choice.randrange(256)))
        elif kind == 2:
            out[at:at] = choice.choice(WORDS)
        elif kind == 3:
            word = choice.choice(WORDS)
            out[at : at + len(word)] = word
        elif kind == 4:
            del out[at : at + choice.choice((1, 4, 40, 400))]
        elif kind == 5:
            out[at:at] = bytes(out[at : at + choice.choice((4, 40, 400))]) * choice.choice((1, 3, 50))
        else:
            del out[at:]
    return bytes(out)


@dataclass(slots=True)
class Tally:
    """What became of the inputs. An escape is anything but an end: another exception, a leftover, a dead server."""

    inputs: int = 0
    read: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    escapes: list[str] = field(default_factory=list)
    slowest: float = 0.0

    def run(self, sandbox: Sandbox, kind: str, data: bytes) -> None:
        """One input through the sandbox."""
        start = time.monotonic()
        self.inputs += 1
        try:
            said = list(sandbox.read([data], kind, ocr="none", limits=LIMITS))
            if said and isinstance(said[-1], Ended | More):
                self.read += 1
            else:
                self.escapes.append(f"{kind}: no last word")
        except Refusal as refusal:
            self.refused[refusal.code] += 1
        except ChildLost as lost:
            self.lost[lost.why] += 1
        except Exception as error:  # the parent met something that it should not
            self.escapes.append(f"{kind}: {type(error).__name__}")
        self.slowest = max(self.slowest, time.monotonic() - start)


def leftovers(sandbox: Sandbox, base: Path) -> list[str]:
    """Children that still run and folders of theirs, once the last one had its end. One waits for the next document."""
    until = time.monotonic() + 30
    found = ["?"]
    while found and time.monotonic() < until:
        folders, processes = [str(path) for path in base.iterdir()], grandchildren(sandbox)
        found = [] if (len(folders), len(processes)) == (1, 1) else [*folders, *(f"process {one}" for one in processes)]
        time.sleep(0.05 if found else 0)
    return found


def grandchildren(sandbox: Sandbox) -> Sequence[str]:
    """Processes of the fork server's, its own second self apart."""
    server = sandbox.server.pid()
    second = Path(f"/proc/{server}/task/{server}/children").read_text().split()
    return [one for self in second for one in Path(f"/proc/{self}/task/{self}/children").read_text().split()]


def seed() -> int:
    """Another one at each run, told when something is found."""
    return int.from_bytes(os.urandom(4), "big")
