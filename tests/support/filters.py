# Makes a store with runs that are hard to search, and answers searches as MLflow does: for each, the run ids in
# order, or the error.
import json, math, sys
import mlflow
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from mlflow.data.meta_dataset import MetaDataset
from mlflow.data.http_dataset_source import HTTPDatasetSource

mlflow.set_tracking_uri(sys.argv[1])
client = MlflowClient()
searches = json.load(open(sys.argv[2]))
values = [0.0, -0.0, 1.0, 1.5, -2.0, math.nan, math.inf, -math.inf, 1e-300, 1e300, 0.1, 3, None, None]
texts = ["a", "A", "b", "", "ab%c", "a_c", "abc", "ÄÖ", "äö", "10", "9", "x y", "it's", 'say "x"', "a\\", "\\", None, None]
e = client.create_experiment("search")
for i in range(40):
    tags = {"mlflow.user": texts[i % 3], "k": texts[(i * 7) % len(texts)]}
    r = client.create_run(e, start_time=1000 + i // 4, run_name=texts[(i * 3) % len(texts)] or None,
                          tags={k: v for k, v in tags.items() if v is not None}).info.run_id
    m, n = values[i % len(values)], values[(i * 5) % len(values)]
    client.log_batch(r,
        metrics=[Metric(k, v, 1, 0) for k, v in (("m", m), ("val loss", n)) if v is not None],
        params=[Param(k, v) for k, v in (("p", texts[(i * 5) % len(texts)]), ("dir/p 1", texts[(i * 11) % len(texts)])) if v is not None])
    if i % 3 == 0:
        client.set_terminated(r, ["FINISHED", "FAILED", "KILLED"][i % 9 // 3], end_time=2000 + i)
    if i % 5 == 0:
        with mlflow.start_run(run_id=r):
            source = HTTPDatasetSource("http://localhost/x")
            mlflow.log_input(MetaDataset(source, name=["wine", "Iris"][i % 2], digest=str(i % 4)), context=["train", "Eval"][i % 2])
        if i % 3:
            client.update_run(r, status="RUNNING")
    if i % 13 == 0:
        client.delete_run(r)
answers = []
for search in searches:
    try:
        runs = client.search_runs([e], search["filter"], order_by=search["order_by"], max_results=1000)
        answers.append({"ids": [r.info.run_id for r in runs]})
    except Exception as error:
        answers.append({"error": str(error)})
print(json.dumps({"experiment": e, "answers": answers}))
