"""What others wrote: FHIR clients in three languages, and HAPI's validator, from their registries, pinned."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.services.installed import installed

HERE = Path(__file__).parent
QUICK = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
"""A program that runs for seconds gains nothing from being compiled well."""


def java(program: str, *arguments: str) -> list[str]:
    """The command that runs one of our small Java programs with HAPI's libraries."""
    return ["java", *QUICK, "-cp", f"{jars()}/*", str(HERE / "java" / f"{program}.java"), *arguments]


def jars() -> Path:
    """HAPI's libraries, copied once for their pom by Maven, which checks their sums. Fails, saying why, without it."""
    pom = HERE / "java" / "pom.xml"
    copy = ("-f", str(pom), "dependency:copy-dependencies")
    return installed(
        "fhir-java", pom, ("java", "mvn"), lambda made: ["mvn", "-B", "-q", "-C", *copy, f"-DoutputDirectory={made}"]
    )


def node_modules() -> Path:
    """The JavaScript client's folder, installed once for its lock file."""
    lock = HERE / "javascript" / "package-lock.json"

    def install(made: Path) -> list[str]:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(lock.with_name(name), made)
        return ["npm", "ci", "--ignore-scripts", "--prefix", str(made)]

    return installed("fhir-javascript", lock, ("node", "npm"), install)


@contextmanager
def judge() -> Iterator[Judge]:
    """HAPI's validator, running."""
    process = subprocess.Popen(
        java("Judge"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    with process:
        try:
            yield Judge(process)
        finally:
            process.terminate()


class Judge:
    """Tells what HAPI has to say of a file."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def said(self, file: Path) -> list[tuple[str, str, str]]:
        """(severity, place, message), in its own words."""
        sent, heard = self._process.stdin, self._process.stdout
        assert sent is not None
        assert heard is not None
        sent.write(f"{file}\n")
        sent.flush()
        found = []
        for line in heard:
            if line.strip() == "done":
                return found
            severity, place, message = line.rstrip("\n").split("\t", 2)
            found.append((severity, place, message))
        assert self._process.stderr is not None
        pytest.fail(f"the validator stopped: {self._process.stderr.read()[-800:]}")
