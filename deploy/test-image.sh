#!/bin/sh
# Does what deploy/Dockerfile does, as far as that goes without an engine, in a folder of its own:
# fresh environment, locked packages, this repository, models, and the service's entry.
#
#   deploy/test-image.sh [SERVICE...]      ingest feature nlu gateway; inference on request (torch is large)
#
# Not shown here: the base image, the user, the health check, the network. PYTHON and TORCH_INDEX as for the image.
set -eu
cd "$(dirname "$0")/.."

models_of() {
    case $1 in
        feature) echo silero-vad ;;
        inference) echo tiny.en ;;
        nlu) echo spacy-en-md ;;
    esac
}

say() { echo "test-image: $1: $2"; }

# Only what is in the build context: a file that .dockerignore keeps out must not be missed.
context() {
    mkdir -p "$1/deploy"
    cp -r LICENSE README.md pyproject.toml hatch_build.py requirements schemas libs services "$1"
    cp deploy/image-steps.sh "$1/deploy/"
    find "$1/libs" -name '*.so' -delete
}

lacks_torch() {
    [ "$1" = inference ] && return 0
    if "$2" -m pip list --format freeze | grep -iE '^(torch|triton|nvidia)'; then
        say "$1" "must not carry torch" >&2
        return 1
    fi
}

# A wrong setting gives one readable line and status 2: the entry, all its imports and the settings work.
refuses_nonsense() {
    status=0
    said=$(JOSEFINE_METRICS_PORT=nonsense "$2" -m "josefine_$1" 2>&1) || status=$?
    case "$status $said" in
        "2 "*JOSEFINE_METRICS_PORT*) ;;
        *) say "$1" "expected status 2 and a line on JOSEFINE_METRICS_PORT, got $status: $said" >&2; return 1 ;;
    esac
}

try() (
    service=$1
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    context "$folder"
    cd "$folder"
    python=$folder/venv/bin/python
    say "$service" "packages of requirements/$service.lock"
    deploy/image-steps.sh packages "$service" "$folder/venv" "${TORCH_INDEX:-}"
    deploy/image-steps.sh josefine "$folder/venv"
    "$python" -m pip check
    lacks_torch "$service" "$python"
    # shellcheck disable=SC2046 # names are words
    deploy/image-steps.sh models "$folder/venv" "$folder/models" $(models_of "$service")
    # Away from the checkout: what is imported is what was installed.
    mkdir elsewhere
    cd elsewhere
    refuses_nonsense "$service" "$python"
    say "$service" "passed, $(du -sm "$folder/venv" | cut -f1) MB of packages, $(du -sm "$folder/models" | cut -f1) MB of models"
)

[ $# -gt 0 ] || set -- ingest feature nlu gateway
for service in "$@"; do try "$service"; done
