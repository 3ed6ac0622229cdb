"""Makes a store with some of all that is read, in the database file that is named."""
import sys

import mlflow

path = sys.argv[1]
mlflow.set_tracking_uri(f"sqlite:///{path}")
client = mlflow.MlflowClient()
experiment = client.create_experiment("wine", artifact_location=f"{path}.artifacts", tags={"team": "red"})
runs = []
for number in range(4):
    run = client.create_run(experiment, run_name=f"run-{number}", tags={"team": "red"}).info.run_id
    for step in range(6):
        client.log_metric(run, "rmse", 1 / (step + 1) + number, step=step)
    client.log_metric(run, "nan", float("nan"))
    client.log_param(run, "lr", 10**-number)
    if number:
        client.set_terminated(run)
    runs.append(run)
dataset = mlflow.entities.Dataset("d", "1", "local", "{}")
tags = [mlflow.entities.InputTag("mlflow.data.context", "train")]
client.log_inputs(runs[0], [mlflow.entities.DatasetInput(dataset, tags)])
model = client.create_logged_model(experiment, name="m", source_run_id=runs[0], params={"a": "1"}, tags={"t": "x"})
client.finalize_logged_model(model.model_id, "READY")
client.log_metric(runs[0], "acc", 0.5, model_id=model.model_id, dataset_name="d", dataset_digest="1")
client.log_outputs(runs[0], [mlflow.entities.LoggedModelOutput(model.model_id, 0)])
client.create_registered_model("reg", tags={"a": "b"})
for run in runs[:2]:
    client.create_model_version("reg", source=f"runs:/{run}/model", run_id=run, tags={"t": "v"})
client.set_registered_model_alias("reg", "champion", 1)
