"""Experiments of more runs than are read whole from a server, written straight into the database of MLflow."""
import sqlite3, sys

database = sqlite3.connect(sys.argv[1])
ids = iter(f"{number:032x}" for number in range(1, 10**6))


def experiment(name):
    made = database.execute(
        "INSERT INTO experiments (name, artifact_location, lifecycle_stage, creation_time, last_update_time) "
        "VALUES (?, '/nowhere', 'active', 0, 0)", (name,)).lastrowid
    return made


def run(experiment, name, start, metrics, params=(), status="FINISHED", parent=None, stage="active"):
    id = next(ids)
    database.execute(
        "INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status, start_time, "
        "end_time, source_version, lifecycle_stage, artifact_uri, experiment_id) "
        "VALUES (?, ?, 'UNKNOWN', '', '', 'ana', ?, ?, ?, '', ?, '/nowhere', ?)",
        (id, name, status, start, start + 1, stage, experiment))
    for key, value in metrics.items():
        database.execute("INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan) VALUES (?, ?, 0, ?, 0, 0)", (key, value, id))
        database.execute("INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES (?, ?, 0, 0, 0, ?)", (key, value, id))
    for key, value in dict(params).items():
        database.execute("INSERT INTO params (key, value, run_uuid) VALUES (?, ?, ?)", (key, value, id))
    tags = {"mlflow.runName": name, **({"mlflow.parentRunId": parent} if parent else {})}
    for key, value in tags.items():
        database.execute("INSERT INTO tags (key, value, run_uuid) VALUES (?, ?, ?)", (key, value, id))
    return id


def many(name, metric="val_loss"):
    """More than a thousand runs, the oldest the best of them."""
    made = experiment(name)
    for at in range(1001):
        run(made, f"one of many {at}", 1000 + at, {metric: 1.0 + at})
    return made


ODD = {"it": "it's \"x\"", "dir": "C:\\data\\", "two": "a\nb"}
for name, params in {"64 params": {f"p{at}": "1" for at in range(64)}, "odd values": ODD, "1,100 params": {f"p{at}": "1" for at in range(1100)}}.items():
    made = many(name)
    for seed, value in enumerate((0.5, 0.6, 0.7)):
        run(made, f"seed {seed}", 10 + seed, {"val_loss": value}, {**params, "seed": str(seed)})
    # One that shares all params but the last, and one that has another besides.
    run(made, "other", 20, {"val_loss": 0.9}, {**params, list(params)[-1]: "0", "seed": "3"})
    run(made, "more", 21, {"val_loss": 0.95}, {**params, "extra": "1", "seed": "4"})

for name, status, stage in [("below a run that failed", "FAILED", "active"), ("below a run that was deleted", "FINISHED", "deleted")]:
    made = many(name)
    grand = run(made, "grandparent", 1, {"val_loss": 0.1})
    middle = run(made, "middle", 2, {"val_loss": 0.1}, status=status, parent=grand, stage=stage)
    run(made, "leaf", 3, {"val_loss": 0.1}, parent=middle)
    run(made, "second", 4, {"val_loss": 0.3})

many("created", "created")

made = experiment("ties")
for at in range(1200):
    run(made, f"tied {at}", 1000 + at, {"val_acc": 0.5, "val_f1": 0.5, "val_auc": at / 1200 if at % 3 else 0.1, "train_f1": -at})
database.commit()
