#!/bin/sh
# The steps of deploy/Dockerfile, one a call; deploy/test-image.sh runs the same ones where no engine is.
#
#   image-steps.sh packages SERVICE VENV [TORCH_INDEX]   a fresh environment with the pinned packages of a service
#   image-steps.sh locked SERVICE VENV [TORCH_INDEX]     these packages into an environment that is there (`make setup`: all)
#   image-steps.sh josefine VENV                         this repository into it
#   image-steps.sh models VENV FOLDER [NAME...]          models into FOLDER, checked by SHA-256
#
# PYTHON names the interpreter (python3); PIP_QUIET=0 shows pip's progress.
set -eu
export PIP_QUIET="${PIP_QUIET:-1}"

# What a torch from another index does not want: everything for CUDA, and torch itself, which comes first.
CUDA_PACKAGES='^(nvidia-|cuda-|triton|torch==)'

packages() {
    require_lock "$1"
    "${PYTHON:-python3}" -m venv "$2"
    locked "$@"
}

locked() {
    service=$1 venv=$2 torch_index=${3:-}
    require_lock "$service"
    lock=requirements/$service.lock
    if [ -n "$torch_index" ] && grep -q '^torch==' "$lock"; then
        chosen=$(mktemp)
        grep -E '^torch==' "$lock" > "$chosen"
        install "$venv" --index-url "$torch_index" -r "$chosen"
        grep -vE "$CUDA_PACKAGES" "$lock" > "$chosen"
        install "$venv" -r "$chosen"
        rm "$chosen"
    else
        install "$venv" -r "$lock"
    fi
}

require_lock() {
    [ -f "requirements/$1.lock" ] && return
    echo "image-steps: no requirements/$1.lock; SERVICE is one of: $(services)" >&2
    exit 2
}

# The lock is whole: pip adds nothing to it. What is missing shows in `pip check`.
install() {
    venv=$1
    shift
    "$venv/bin/python" -m pip install --disable-pip-version-check --no-deps "$@"
}

services() {
    for lock in requirements/*.lock; do basename "$lock" .lock; done | grep -vx all | tr '\n' ' '
}

josefine() {
    venv=$1
    # The backend that builds the wheel is fetched by pip for the moment of building and stays out of the image.
    install "$venv" .
}

models() {
    venv=$1 folder=$2
    shift 2
    mkdir -p "$folder"
    for name in "$@"; do
        JOSEFINE_MODELS_DIR=$folder "$venv/bin/python" -m josefine_models fetch "$name"
    done
}

step=${1:?packages, locked, josefine or models}
shift
case $step in
    packages | locked | josefine | models) "$step" "$@" ;;
    *) echo "image-steps: no step $step" >&2; exit 2 ;;
esac
