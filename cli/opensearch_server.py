"""The OpenSearch server of the tests and of `make demo ENGINE=opensearch`: fetched once, verified, unpacked.

The distribution without a JDK and the k-NN plugin come from the Java package registry through Maven's own client; both
are pinned by hash. What is unpacked is never written to again: configuration, data and logs of a run stand elsewhere.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from access.refusal import Refusal

OLDEST_JAVA = 21  # what OpenSearch 3 demands; a 17 stops at once with UnsupportedClassVersionError
JVM_FOLDER = Path("/usr/lib/jvm")  # where Debian and its kin put Java
_COPY = "org.apache.maven.plugins:maven-dependency-plugin:2.8:copy"


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file of the Java package registry: group:name:version:packaging, and the hash of its bytes."""

    coordinates: str
    sha256: str

    @property
    def file_name(self) -> str:
        _, name, version, packaging = self.coordinates.split(":")
        return f"{name}-{version}.{packaging}"


SERVER = Artifact(
    "org.opensearch.distribution.integ-test-zip:opensearch:3.6.0:zip",
    "a91faa1dc1cadc78cb278b4f63847e19e1627a4e9de698e14e7efc14ee37b286",
)
KNN = Artifact(
    "org.opensearch.plugin:opensearch-knn:3.6.0.0:zip",
    "ac392ca28a39b3bf290648a422ef30cb149dda2963a9d7feb26060e932341c9a",
)


def installed_server(cache: Path) -> Path:
    """The folder of the unpacked server with its plugin, made under `cache` on first use (160 MB, about 10 s).

    Refusals: Maven or a Java runtime missing, a download that fails, a file that is not the pinned one.
    """
    home = cache / f"opensearch-{SERVER.sha256[:8]}-{KNN.sha256[:8]}"
    if home.is_dir():
        return home
    cache.mkdir(parents=True, exist_ok=True)
    with _locked(cache / "opensearch.lock"):
        if not home.is_dir():
            downloads = cache / "downloads"
            _unpack(_downloaded(SERVER, downloads), _downloaded(KNN, downloads), home)
    return home


def java_home() -> Path:
    """A Java runtime of version 21 or later: OPENSEARCH_JAVA_HOME, JAVA_HOME, then the oldest that fits installed."""
    named = [Path(os.environ[name]) for name in ("OPENSEARCH_JAVA_HOME", "JAVA_HOME") if os.environ.get(name)]
    on_path = shutil.which("java")
    found = sorted(JVM_FOLDER.glob("*/bin/java")) + ([Path(on_path).resolve()] if on_path else [])
    homes = {path.parent.parent.resolve(): java_version(path.parent.parent) for path in found}
    fitting = sorted((version, home) for home, version in homes.items() if version >= OLDEST_JAVA)
    for home in [*named, *(home for _, home in fitting)]:
        if java_version(home) >= OLDEST_JAVA:
            return home
    raise Refusal(
        "start",
        "java-missing",
        f"OpenSearch demande Java {OLDEST_JAVA} ou plus récent, et aucun n'a été trouvé.",
        "apt-get install openjdk-21-jre-headless (ou une version plus récente), ou donnez le dossier d'une version "
        "installée par OPENSEARCH_JAVA_HOME, ou l'adresse d'un OpenSearch en marche par ANAMNESE_TEST_OPENSEARCH_URL.",
    )


def java_version(home: Path) -> int:
    """Major version of the Java runtime in `home`; 0 when there is none."""
    if not os.access(home / "bin" / "java", os.X_OK):
        return 0
    release = home / "release"
    text = release.read_text(errors="replace") if release.is_file() else ""
    if (found := re.search(r'^JAVA_VERSION="(\d+)', text, re.MULTILINE)) is None:
        answer = subprocess.run([home / "bin" / "java", "-version"], capture_output=True, text=True, check=False)
        found = re.search(r'version "(\d+)', answer.stderr)
    return int(found[1]) if found else 0


def _downloaded(artifact: Artifact, folder: Path) -> Path:
    """The artifact's file in `folder`, fetched when absent and always the pinned bytes."""
    path = folder / artifact.file_name
    if not path.is_file():
        _fetch(artifact, folder)
    if _sha256(path) != artifact.sha256:
        path.unlink()
        raise Refusal(
            "start",
            "download-altered",
            f"Le fichier {artifact.file_name} n'a pas l'empreinte SHA-256 attendue ; il a été retiré.",
            "Relancez la commande ; si cela se répète, vérifiez le miroir Maven de cette machine.",
        )
    return path


def _fetch(artifact: Artifact, folder: Path) -> None:
    by_hand = (
        f"Sans Maven : placez {artifact.file_name} (artefact {artifact.coordinates}, SHA-256 {artifact.sha256}) dans "
        "le dossier downloads de ANAMNESE_CACHE, ou donnez l'adresse d'un OpenSearch en marche par "
        "ANAMNESE_TEST_OPENSEARCH_URL."
    )
    maven = shutil.which("mvn")
    if maven is None:
        raise Refusal(
            "start",
            "maven-missing",
            "OpenSearch se télécharge par Maven (commande mvn), qui n'est pas installé.",
            f"apt-get install maven. {by_hand}",
        )
    folder.mkdir(parents=True, exist_ok=True)
    command = [maven, "--batch-mode", "--quiet", _COPY, f"-Dartifact={artifact.coordinates}"]
    done = subprocess.run(
        [*command, f"-DoutputDirectory={folder.resolve()}", "-Dmdep.overWriteReleases=true"],
        capture_output=True, text=True, check=False, cwd=folder,
    )  # fmt: skip
    if done.returncode != 0 or not (folder / artifact.file_name).is_file():
        raise Refusal(
            "start",
            "download-failed",
            f"Maven n'a pas pu télécharger {artifact.coordinates} : {_first_error(done.stdout + done.stderr)}",
            f"Vérifiez l'accès de cette machine au dépôt Maven (~/.m2/settings.xml). {by_hand}",
        )


def _first_error(output: str) -> str:
    return next((line for line in output.splitlines() if "ERROR" in line), "aucun message")[:300]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _unpack(server: Path, plugin: Path, home: Path) -> None:
    """Aside, then renamed: an interrupted installation leaves nothing that looks installed."""
    aside = home.with_name(home.name + ".part")
    shutil.rmtree(aside, ignore_errors=True)
    with zipfile.ZipFile(server) as archive:
        for member in archive.infolist():
            path = Path(archive.extract(member, aside))
            # zipfile drops modes; the scripts need theirs, and the unprivileged user that runs them must read all
            path.chmod(0o755 if member.is_dir() else 0o644 | (member.external_attr >> 16) & 0o111)
    (unpacked,) = aside.iterdir()
    done = subprocess.run(
        [unpacked / "bin" / "opensearch-plugin", "install", "--batch", plugin.resolve().as_uri()],
        env={"PATH": os.environ.get("PATH", ""), "OPENSEARCH_JAVA_HOME": str(java_home())},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise Refusal(
            "start",
            "plugin-refused",
            f"Le module k-NN d'OpenSearch n'a pas pu être installé : {_first_error(done.stdout + done.stderr)}",
            "Videz le dossier ANAMNESE_CACHE et relancez.",
        )
    for path in unpacked.rglob("*"):  # the plugin's own files follow the umask of whoever installs
        path.chmod(path.stat().st_mode | (0o755 if path.is_dir() else 0o444))
    unpacked.rename(home)
    aside.rmdir()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
