"""The services of the tests: real, verified, unprivileged, gone afterwards, and clear about what is missing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psutil
import pytest

from access.refusal import Refusal
from cli import local_services, opensearch_server
from cli.local_services import cache_folder, redis
from cli.opensearch_server import KNN, SERVER, installed_server, java_home, java_version

pytestmark = pytest.mark.services


def _listener(url: str) -> psutil.Process:
    port = int(url.split(":")[2].split("/")[0])
    found = [c.pid for c in psutil.net_connections("tcp") if c.status == "LISTEN" and c.laddr.port == port]
    return psutil.Process(next(pid for pid in found if pid))


def test_opensearch_answers_with_its_vector_plugin(opensearch_url: str) -> None:
    assert '"number" : "3.6.0"' in urllib.request.urlopen(opensearch_url, timeout=10).read().decode()
    assert "opensearch-knn" in urllib.request.urlopen(f"{opensearch_url}/_cat/plugins", timeout=10).read().decode()


def test_services_do_not_run_as_root(redis_url: str) -> None:
    server = _listener(redis_url)
    assert server.name() == "redis-server"
    assert server.uids().effective != 0


def test_a_stopped_service_leaves_neither_process_nor_folder() -> None:
    with redis() as url:
        server = _listener(url)
        folder = Path(server.cwd())
        assert folder.name.startswith("anamnese-redis-")
    assert not server.is_running()
    assert not folder.exists()


def test_a_killed_parent_leaves_no_orphan_and_its_folder_goes_with_the_next_start() -> None:
    program = [
        "import time",
        "from cli.local_services import redis",
        "with redis() as url:",
        "    print(url, flush=True)",
        "    time.sleep(60)",
    ]
    parent = subprocess.Popen([sys.executable, "-c", "\n".join(program)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    server = _listener(parent.stdout.readline().strip())
    folder = Path(server.cwd())
    parent.send_signal(signal.SIGKILL)
    parent.wait(10)
    parent.stdout.close()
    for _ in range(100):
        if not server.is_running():
            break
        time.sleep(0.05)
    assert not server.is_running()
    assert folder.exists()
    with redis():
        assert not folder.exists()


def test_a_service_that_cannot_start_says_why() -> None:
    with redis() as url, pytest.raises(Refusal) as refused, redis(port=int(url.split(":")[2].split("/")[0])):
        pytest.fail("two servers on one port")
    assert refused.value.code == "service-did-not-start"
    assert "Redis s'est arrêté" in refused.value.message


def test_a_missing_redis_is_a_refusal_that_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Refusal) as refused, redis():
        pytest.fail("started without redis-server")
    assert (refused.value.code, refused.value.remedy) == ("redis-missing", "apt-get install redis-server")


def test_a_missing_maven_is_a_refusal_that_tells_the_way_without_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Refusal) as refused:
        installed_server(tmp_path / "cache")
    assert refused.value.code == "maven-missing"
    for part in ("apt-get install maven", SERVER.file_name, SERVER.sha256, "ANAMNESE_TEST_OPENSEARCH_URL"):
        assert part in refused.value.remedy


def test_an_altered_download_is_refused_and_removed(tmp_path: Path) -> None:
    placed = tmp_path / "downloads" / SERVER.file_name
    placed.parent.mkdir()
    placed.write_bytes(b"not a server")
    with pytest.raises(Refusal) as refused:
        installed_server(tmp_path)
    assert refused.value.code == "download-altered"
    assert not placed.exists()
    assert list(tmp_path.glob("opensearch-*")) == []


def test_a_failed_download_repeats_what_maven_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    maven = tmp_path / "mvn"
    maven.write_text("#!/bin/sh\necho '[ERROR] Could not resolve the artifact'\nexit 1\n")
    maven.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(Refusal) as refused:
        installed_server(tmp_path / "cache")
    assert refused.value.code == "download-failed"
    assert "Could not resolve" in refused.value.message


def _java(folder: Path, version: str) -> Path:
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "java").write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
    (folder / "bin" / "java").chmod(0o755)
    return folder


def test_the_java_that_fits_is_found_and_an_old_one_is_not(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("OPENSEARCH_JAVA_HOME", "JAVA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", "/usr/sbin:/sbin")
    monkeypatch.setattr(opensearch_server, "JVM_FOLDER", tmp_path / "jvm")
    old = _java(tmp_path / "jvm" / "java-17", "17.0.15")
    assert java_version(old) == 17
    with pytest.raises(Refusal) as refused:
        java_home()
    assert refused.value.code == "java-missing"
    assert "apt-get install openjdk-21-jre-headless" in refused.value.remedy
    newest = _java(tmp_path / "jvm" / "java-25", "25.0.3")
    (newest / "release").write_text('IMPLEMENTOR="x"\nJAVA_VERSION="25.0.3"\n')
    assert java_home() == newest
    named = _java(tmp_path / "elsewhere", "21")
    monkeypatch.setenv("OPENSEARCH_JAVA_HOME", str(named))
    assert java_home() == named
    monkeypatch.setenv("OPENSEARCH_JAVA_HOME", str(old))
    assert java_home() == newest


def test_a_server_that_the_other_user_cannot_reach_is_told_apart(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    (closed / "file").write_text("x")
    assert local_services._may_read(closed / "file") == (os.geteuid() != 0)
    assert local_services._may_read(Path("/usr/bin/env"))


def test_the_plugin_and_the_server_are_pinned_by_hash() -> None:
    assert {len(artifact.sha256) for artifact in (SERVER, KNN)} == {64}
    assert SERVER.file_name == "opensearch-3.6.0.zip"
    assert cache_folder().name
