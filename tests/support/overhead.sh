#!/bin/bash
# How much a trial of a command takes over the bare command: 200 trials, two at a time, on a local store, run by hand:
#   tests/support/overhead.sh PATH/TO/mltui
set -eu
program=$(realpath "$1")
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
export HOME=$here
echo 'echo "{\"val_loss\": 1}"' > train.sh
now() { date +%s%3N; }
start=$(now)
seq 200 | xargs -P 2 -I{} sh train.sh > bare.log
bare=$(($(now) - start))
start=$(now)
"$program" --tracking-uri "sqlite:///$here/mlflow.db" sweep --param lr=0.0..1.0 --metric val_loss:min --trials 200 --jobs 2 \
    -- sh train.sh > said 2>&1
swept=$(($(now) - start))
tail -n 3 said
echo "bare $bare ms, swept $swept ms: $(((swept - bare) / 200)) ms a trial"
