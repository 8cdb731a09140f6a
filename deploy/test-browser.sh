#!/bin/sh
# Makes sure that there is a Chromium for tests/browser. Installs Debian's where it may; says what is missing else.
set -eu
for program in "${CHROMIUM:-}" chromium chromium-browser google-chrome google-chrome-stable; do
    if [ -n "$program" ] && command -v "$program" > /dev/null 2>&1; then
        echo "browser: $(command -v "$program")"
        exit 0
    fi
done
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get > /dev/null 2>&1; then
    echo "browser: none found; the tests of the page are skipped. Install chromium, or name one in CHROMIUM" >&2
    exit 0
fi
export DEBIAN_FRONTEND=noninteractive
if apt-get -qq update && apt-get -qq install --yes --no-install-recommends chromium fonts-dejavu-core > /dev/null; then
    echo "browser: $(command -v chromium)"
else
    echo "browser: apt cannot install chromium; the tests of the page are skipped" >&2
fi
