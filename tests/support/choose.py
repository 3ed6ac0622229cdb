"""Makes experiments of all kinds and chooses in each by MLflow's own client, independently of the program."""
import json, math, random, sys
import mlflow
from mlflow.entities import Metric, Param, RunTag, ViewType

uri, count = sys.argv[1], int(sys.argv[2])
mlflow.set_tracking_uri(uri)
client = mlflow.MlflowClient()
draw = random.Random(7)
ODD = [float("nan"), float("inf"), float("-inf"), 0.0, -0.0, 1e300, -1e300, 5e-324]


def value():
    return draw.choice(ODD) if draw.random() < 0.25 else round(draw.uniform(-2, 2), draw.choice([0, 1, 6]))


def make(number):
    experiment = client.create_experiment(f"e{number}")
    runs = []
    for at in range(draw.randint(0, 14)):
        tags = {"team": draw.choice("ab")}
        if runs and draw.random() < 0.3:
            tags["mlflow.parentRunId"] = draw.choice(runs + ["f" * 32])
        run = client.create_run(experiment, start_time=1000 + draw.randint(0, 5), tags=tags, run_name=f"r{at}")
        metrics = []
        for key in ["score", "other"]:
            if draw.random() < 0.85:
                points = draw.randint(1, 6)
                metrics += [Metric(key, value(), draw.randint(1, 3), step) for step in range(points)]
        # The very value of its parent, as a sweep's parent has that of its best trial.
        parent = tags.get("mlflow.parentRunId")
        if parent in runs and draw.random() < 0.6:
            metrics += [Metric(key, number, 9, 99) for key, number in client.get_run(parent).data.metrics.items()]
        params = [Param("family", draw.choice(["tree", "forest"]))] if draw.random() < 0.8 else []
        client.log_batch(run.info.run_id, metrics=metrics, params=params)
        status = draw.choice(["FINISHED"] * 6 + ["FAILED", "KILLED", None])
        if status:
            client.set_terminated(run.info.run_id, status, end_time=5000)
        if draw.random() < 0.08:
            client.delete_run(run.info.run_id)
        runs.append(run.info.run_id)
    return experiment


def history(run, key):
    points = client.get_metric_history(run, key)
    return [point.value for point in sorted(points, key=lambda p: (p.step, p.timestamp, p.value))]


def mean(numbers):
    """MLflow keeps infinities as the largest numbers there are."""
    numbers = [math.copysign(math.inf, n) if abs(n) >= sys.float_info.max else n for n in numbers]
    if any(map(math.isnan, numbers)) or any(map(math.isinf, numbers)):
        return sum(numbers)
    return math.fsum(numbers) / len(numbers)


def choose(experiment, down, value_of, where, tie):
    runs = client.search_runs([experiment], run_view_type=ViewType.ACTIVE_ONLY, max_results=1000)
    passing = {r.info.run_id for r in client.search_runs([experiment], filter_string=where, max_results=1000)}
    out = dict.fromkeys(
        ["unfinished", "failed", "killed", "constraint", "missing", "nan", "infinite", "parents"], 0)
    eligible = {}
    for run in runs:
        id = run.info.run_id
        if run.info.status == "FAILED":
            out["failed"] += 1
        elif run.info.status == "KILLED":
            out["killed"] += 1
        elif run.info.status != "FINISHED":
            out["unfinished"] += 1
        elif id not in passing:
            out["constraint"] += 1
        elif "score" not in run.data.metrics:
            out["missing"] += 1
        else:
            number = run.data.metrics["score"]
            if value_of == "best":
                numbers = [n for n in history(id, "score") if not math.isnan(n)]
                number = (min(numbers) if down else max(numbers)) if numbers else math.nan
            elif value_of.startswith("last:"):
                numbers = history(id, "score")[-int(value_of[5:]):]
                number = mean(numbers)
            if math.isnan(number):
                out["nan"] += 1
            elif abs(number) >= sys.float_info.max:
                out["infinite"] += 1
            else:
                eligible[id] = (number, run)
    parents = {run.info.run_id: run.data.tags.get("mlflow.parentRunId") for run in runs}
    repeating = set()
    for id, (number, _) in eligible.items():
        above, seen = parents.get(id), {id}
        while above and above not in seen:
            seen.add(above)
            if above in eligible and eligible[above][0] == number:
                repeating.add(above)
            above = parents.get(above)
    out["parents"] = len(repeating)
    left = {id: known for id, known in eligible.items() if id not in repeating}

    def other(run):
        if not tie:
            return 0
        number = run.data.metrics.get("other", math.nan)
        return math.inf if math.isnan(number) or abs(number) >= sys.float_info.max else number

    order = sorted(left, key=lambda id: (left[id][0] if down else -left[id][0], other(left[id][1]),
                                         left[id][1].info.start_time, id))
    best = order[0] if order else None
    return {
        "considered": len(runs), "eligible": len(left), "left_out": out, "best": best, "order": order[:3],
        "tied": sum(left[id][0] == left[best][0] for id in left) if best else 0,
    }


cases = []
for number in range(count):
    experiment = make(number)
    for _ in range(2):
        down = draw.random() < 0.5
        value_of = draw.choice(["latest", "latest", "best", "last:1", "last:3"])
        where = draw.choice(["", "", "metrics.other < 1", "params.family = 'tree' AND tags.team = 'a'"])
        # A tie-break goes by the same value of another metric.
        tie = value_of == "latest"
        chosen = choose(experiment, down, value_of, where, tie)
        cases.append({"experiment": f"e{number}", "down": down, "value": value_of, "where": where, "tie": tie, **chosen})
print(json.dumps(cases))
