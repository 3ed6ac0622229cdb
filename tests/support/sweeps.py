"""Looks at a sweep through MLflow's own client. Arguments: tracking URI, experiment, data (CSV), target."""
import json, sys
import mlflow, numpy as np, pandas as pd

from sklearn.calibration import calibration_curve
from sklearn.metrics import precision_recall_curve, roc_curve

def same_curves(client, run, test, columns):
    """Whether curves.csv holds what scikit-learn makes of the same probabilities."""
    curves = pd.read_csv(client.download_artifacts(run.info.run_id, "curves.csv"), dtype={"class": str}, float_precision="round_trip")
    wanted = columns[1:] if len(columns) == 2 else columns
    for column in wanted:
        label = column.removeprefix("probability_")
        truth, said = (test["true"] == label).to_numpy(), test[column].to_numpy()
        ours = {name: part[["threshold", "x", "y"]].to_numpy() for name, part in curves[curves["class"] == label].groupby("curve")}
        fpr, tpr, thresholds = roc_curve(truth, said)
        precision, recall, cuts = precision_recall_curve(truth, said, drop_intermediate=True)
        cuts = np.append(cuts, np.inf)
        share, mean = calibration_curve(truth, said, n_bins=10)
        if not (np.allclose(ours["roc"], np.column_stack([thresholds, fpr, tpr]), atol=1e-6)
                and np.allclose(ours["precision_recall"], np.column_stack([cuts, recall, precision])[::-1], atol=1e-6)
                and np.allclose(ours["calibration"][:, 1:], np.column_stack([mean, share]), atol=1e-6)):
            return False
    return set(curves["class"]) == {column.removeprefix("probability_") for column in wanted}

uri, name, data, target = sys.argv[1:5]
mlflow.set_tracking_uri(uri)
client = mlflow.MlflowClient()
experiment = client.get_experiment_by_name(name)
runs = client.search_runs([experiment.experiment_id], max_results=1000)
parents = [run for run in runs if run.data.tags.get("mltui.trial") == "parent"]
out = {"parents": [], "experiment": experiment.tags}
frame = pd.read_csv(data)
texts = [name for name in frame.columns if frame[name].dtype.kind not in "biuf"]
# The same texts in other ways: as pandas keeps them since its third version, and as it did before; gaps in all that they are.
forms = [frame.copy() for _ in range(4)]
for name in texts:
    if pd.__version__ >= "3":
        forms[0][name] = frame[name].astype("str")
    forms[1][name] = frame[name].astype(object)
    forms[2][name] = frame[name].astype(object).where(frame[name].notna(), None)
    forms[3][name] = frame[name].astype(object).fillna("")
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
            entry["agree"] = all(model.predict(form.drop(columns=[target])).equals(predicted) for form in forms)
            entry["of_example"] = len(model.predict(model.input_example))
            entry["columns"] = list(predicted.columns)
            entry["rows"] = len(predicted)
            names = [artifact for artifact in entry["artifacts"] if artifact in ("residuals.csv", "predictions.csv")]
            # Each row of the test part, as the sweep predicted it when it logged the model.
            test = pd.read_csv(client.download_artifacts(run.info.run_id, names[0]), dtype={"true": str, "prediction": str}, float_precision="round_trip")
            ours, theirs = test, predicted.iloc[test["row"]]
            entry["tested"] = len(test)
            if names[0] == "residuals.csv":
                ours = test["prediction"].astype(float).to_numpy()
                entry["worst"] = float(np.abs(ours - theirs["prediction"].to_numpy()).max() / np.abs(ours).max())
                entry["same_truth"] = bool(np.allclose(test["true"].astype(float), frame[target].iloc[test["row"]]))
            else:
                same = test["prediction"].to_numpy() == theirs["prediction"].astype(str).to_numpy()
                columns = [name for name in test.columns if name.startswith("probability_")]
                entry["worst"] = float(np.abs(test[columns].to_numpy() - theirs[columns].to_numpy()).max()) if same.all() else 1.0
                entry["curves"] = same_curves(client, run, test, columns)
                entry["same_truth"] = bool((test["true"].to_numpy() == frame[target].iloc[test["row"]].astype(str).to_numpy()).all())
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
    out["models"] = [{
        "name": m.name, "status": str(m.status), "run": m.source_run_id, "params": m.params, "tags": m.tags,
        "metrics": {metric.key: [metric.value, metric.dataset_name] for metric in m.metrics or []},
    } for m in models]
print(json.dumps(out))
