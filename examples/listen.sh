#!/bin/sh
# Recorded audio over HTTP: sh listen.sh FILE [URL]. JOSEFINE_API_KEY is the key, if there is one.
set -eu
file=$1
url=${2:-http://127.0.0.1:8080}

listen() {
    query=$1
    shift
    curl --silent --show-error --fail-with-body --request POST "$url/v1/listen?$query" \
        --header "Authorization: Token ${JOSEFINE_API_KEY:-none}" "$@"
    echo
}

# A file: the container is sniffed from its bytes.
listen "punctuate=true" --data-binary "@$file" --header "Content-Type: application/octet-stream"

# The same while it is read, with utterances.
listen "punctuate=true&utterances=true" --upload-file - --header "Content-Type: application/octet-stream" <"$file"

# Every channel for itself.
listen "multichannel=true" --data-binary "@$file" --header "Content-Type: application/octet-stream"
