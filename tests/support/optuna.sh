#!/bin/bash
# 200 trials of a command as whole processes, two at a time, on a local store: `mltui sweep` beside Optuna's `study.optimize` with
# `subprocess.run` and the callback that logs to MLflow, in turns, run by hand:
#   tests/support/optuna.sh PATH/TO/mltui PATH/TO/python
# The Python has mlflow, optuna and optuna-integration.
set -eu
program=$(realpath "$1")
python=$(realpath -s "$2")
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
export HOME=$here
echo 'echo "{\"val_loss\": $2}"' > train.sh
cat > study.py << 'END'
import json
import subprocess
import sys

import mlflow
import optuna
from optuna.integration import MLflowCallback

optuna.logging.disable_default_handler()


def objective(trial):
    lr = trial.suggest_float("lr", 0, 1)
    told = subprocess.run(["sh", "train.sh", "--lr", str(lr)], capture_output=True, text=True, check=True).stdout
    return json.loads(told.splitlines()[-1])["val_loss"]


# Two threads that open a new file at once trip over each other.
mlflow.MlflowClient(sys.argv[1]).search_experiments()
callback = MLflowCallback(tracking_uri=sys.argv[1], metric_name="val_loss", create_experiment=True)
study = optuna.create_study(study_name="train", sampler=optuna.samplers.TPESampler(seed=1))
study.optimize(objective, n_trials=200, n_jobs=2, callbacks=[callback])
print("best", study.best_value)
END
now() { date +%s%3N; }
for round in 1 2 3; do
    start=$(now)
    "$program" --tracking-uri "sqlite:///$here/ours-$round.db" sweep --param lr=0.0..1.0 --metric val_loss:min --trials 200 \
        --jobs 2 -- sh train.sh > said 2>&1
    ours=$(($(now) - start))
    start=$(now)
    "$python" study.py "sqlite:///$here/optuna-$round.db" > theirs 2> errors || { tail -n 5 errors; exit 1; }
    theirs=$(($(now) - start))
    echo "mltui $ours ms ($(grep -o 'val_loss [-0-9.e]*' said | tail -n 1)), Optuna $theirs ms ($(tail -n 1 theirs))"
done
