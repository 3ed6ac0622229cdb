# Prints all that MLflow's own client finds in a store, as JSON.
import json, math, sys
import mlflow
from mlflow import MlflowClient
from mlflow.entities import ViewType

mlflow.set_tracking_uri(sys.argv[1])
client = MlflowClient()

def number(value):
    if math.isnan(value):
        return "NaN"
    if abs(value) > 1.7e308:
        return "Infinity" if value > 0 else "-Infinity"
    return value

def run(r):
    i = r.info
    return {
        "name": i.run_name, "status": i.status, "start": i.start_time, "end": i.end_time,
        "stage": i.lifecycle_stage, "user": i.user_id, "artifact_uri": i.artifact_uri,
        "params": r.data.params, "tags": r.data.tags,
        "metrics": {k: number(v) for k, v in r.data.metrics.items()},
        "histories": {
            k: sorted(
                ([m.step, m.timestamp, number(m.value)] for m in client.get_metric_history(i.run_id, k)),
                key=lambda point: (point[0], point[1], str(point[2])),
            )
            for k in r.data.metrics
        },
        "inputs": [
            [d.dataset.name, d.dataset.digest, d.dataset.source_type, {t.key: t.value for t in d.tags}]
            for d in r.inputs.dataset_inputs
        ],
        "artifacts": sorted([f.path, f.is_dir, f.file_size] for f in client.list_artifacts(i.run_id)),
    }

out = {"experiments": {}, "models": {}}
# Of what is another's, where many use a store, nothing.
start = sys.argv[2] if len(sys.argv) > 2 else ""
is_own = lambda named: named.name.startswith(start)
for e in filter(is_own, client.search_experiments(view_type=ViewType.ALL)):
    runs = client.search_runs([e.experiment_id], run_view_type=ViewType.ALL)
    out["experiments"][e.name] = {
        "id": e.experiment_id, "stage": e.lifecycle_stage, "tags": e.tags,
        "runs": {r.info.run_id: run(r) for r in runs},
    }
for m in filter(is_own, client.search_registered_models()):
    versions = client.search_model_versions(f"name = '{m.name}'")
    out["models"][m.name] = {
        "aliases": {k: str(v) for k, v in client.get_registered_model(m.name).aliases.items()},
        "versions": {str(v.version): [v.source, v.run_id, v.status] for v in versions},
        "description": m.description, "tags": m.tags,
        "stages": {str(v.version): v.current_stage for v in versions},
        "described": {str(v.version): v.description for v in versions if v.description},
        "tagged": {str(v.version): v.tags for v in versions if v.tags},
    }
print(json.dumps(out))
