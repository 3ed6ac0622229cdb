"""Looks at a sweep through MLflow's own client. Arguments: tracking URI, experiment, data (CSV), target."""
import json, sys
import mlflow, numpy as np, pandas as pd

uri, name, data, target = sys.argv[1:5]
mlflow.set_tracking_uri(uri)
client = mlflow.MlflowClient()
experiment = client.get_experiment_by_name(name)
runs = client.search_runs([experiment.experiment_id], max_results=1000)
parents = [run for run in runs if run.data.tags.get("mltui.trial") == "parent"]
out = {"parents": [], "experiment": experiment.tags}
frame = pd.read_csv(data, keep_default_na=True)
for column in frame.columns:
    if frame[column].dtype.kind not in "biuf":
        frame[column] = frame[column].fillna("").astype(object)
for parent in parents:
    children = [run for run in runs if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id]
    described = []
    for run in children:
        entry = {
            "run_id": run.info.run_id,
            "name": run.info.run_name,
            "trial": int(run.data.tags["mltui.trial"]),
            "status": run.info.status,
            "ended": run.info.end_time is not None,
            "why": run.data.tags.get("mltui.sweep.outcome"),
            "params": run.data.params,
            "metrics": run.data.metrics,
            "histories": {key: [[p.step, p.value] for p in client.get_metric_history(run.info.run_id, key)] for key in run.data.metrics},
            "artifacts": sorted(f.path for f in client.list_artifacts(run.info.run_id)),
            "inputs": [[i.dataset.name, i.dataset.digest, i.tags[0].value, json.loads(i.dataset.schema)["mlflow_colspec"][0]["type"]] for i in run.inputs.dataset_inputs],
        }
        if "--load" in sys.argv and any(key.startswith("test_") for key in run.data.metrics):
            model = mlflow.pyfunc.load_model(f"runs:/{run.info.run_id}/model")
            predicted = model.predict(frame.drop(columns=[target]))
            entry["columns"] = list(predicted.columns)
            truth = frame[target]
            # The whole table: what the test part says alone is compared with the logged metric below.
            entry["rows"] = len(predicted)
            residuals = None
            try:
                path = client.download_artifacts(run.info.run_id, "residuals.csv")
                residuals = pd.read_csv(path)
            except Exception:
                pass
            if residuals is not None:
                # Each row of the test part: the same prediction, found again by its true value.
                error = truth.to_numpy() - predicted["prediction"].to_numpy()
                pairs = sorted(zip(truth.to_numpy().round(6), predicted["prediction"].to_numpy()))
                known = {}
                for t, p in pairs:
                    known.setdefault(t, []).append(p)
                worst = 0.0
                for t, p in zip(residuals["true"].round(6), residuals["predicted"]):
                    worst = max(worst, min(abs(p - q) for q in known[t]))
                entry["worst"] = worst / float(np.abs(truth).max())
            entry["signature"] = [i.name for i in model.metadata.signature.inputs.inputs]
        described.append(entry)
    out["parents"].append({
        "run_id": parent.info.run_id, "name": parent.info.run_name, "status": parent.info.status,
        "tags": parent.data.tags, "params": parent.data.params,
        "best": {key: [[p.step, p.value] for p in client.get_metric_history(parent.info.run_id, key)] for key in parent.data.metrics},
        "artifacts": sorted(f.path for f in client.list_artifacts(parent.info.run_id)),
        "children": sorted(described, key=lambda run: run["trial"]),
    })
if hasattr(client, "search_logged_models"):
    models = client.search_logged_models([experiment.experiment_id])
    out["models"] = [[m.name, str(m.status), m.source_run_id] for m in models]
print(json.dumps(out))
