#!/usr/bin/env bash
# Makes sure that the programs a target needs are there: installs Debian's packages when it may, else says exactly which.
# usage: system-packages.sh python|ocr|cluster|browser
set -euo pipefail

need=()
lacks() { ! command -v "$1" >/dev/null 2>&1; }
case "$1" in
  python)
    if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then need+=(python3-venv); fi ;;
  ocr)
    if lacks tesseract; then need+=(tesseract-ocr tesseract-ocr-fra tesseract-ocr-osd)
    else
      languages=$(tesseract --list-langs 2>/dev/null)
      for language in fra osd; do grep -qx "$language" <<<"$languages" || need+=("tesseract-ocr-$language"); done
    fi ;;
  browser)
    if lacks chromium && lacks chromium-browser && lacks google-chrome; then need+=(chromium); fi ;;
  cluster)
    if lacks redis-server; then need+=(redis-server); fi
    if lacks dovecot; then need+=(dovecot-imapd); fi  # a mailbox to take mails from
    if lacks postgres && ! ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1; then need+=(postgresql); fi
    if lacks mvn; then need+=(maven); fi
    if lacks node || lacks npm; then need+=(nodejs npm); fi  # the identity provider of the tests
    if lacks strace; then need+=(strace); fi  # the proof that acknowledged means synced
    if lacks openssl; then need+=(openssl); fi  # signs and encrypts mails as others do
    if lacks curl; then need+=(curl); fi  # the recipes of docs/recipes
    if [ "${ANAMNESE_TEST_OPENSEARCH_URL:-}" = "" ] && ! ls -d /usr/lib/jvm/*2[1-9]* >/dev/null 2>&1 \
       && [ "${OPENSEARCH_JAVA_HOME:-}" = "" ]; then
      if apt-cache show openjdk-21-jre-headless >/dev/null 2>&1; then need+=(openjdk-21-jre-headless)
      else
        echo "OpenSearch needs a Java runtime of version 21 or later, and this system's packages offer none." >&2
        echo "Install one and set OPENSEARCH_JAVA_HOME to its folder, or point ANAMNESE_TEST_OPENSEARCH_URL to a running OpenSearch." >&2
        exit 1
      fi
    fi ;;
esac
[ ${#need[@]} -eq 0 ] && exit 0

if [ "$(id -u)" = 0 ]; then run=(env); elif sudo -n true 2>/dev/null; then run=(sudo); else run=(); fi
if command -v apt-get >/dev/null 2>&1 && [ ${#run[@]} -gt 0 ]; then
  echo "Installing ${need[*]}" >&2
  if "${run[@]}" apt-get update -qq && "${run[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${need[@]}" >/dev/null; then
    exit 0
  fi
fi
echo "Missing: ${need[*]}. Install them as an administrator:  apt-get install ${need[*]}" >&2
exit 1
