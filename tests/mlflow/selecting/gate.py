"""Judges versions by random policies, on MLflow's own client: a second opinion on the gate."""
import json, math, random, sys, warnings
from decimal import Decimal

warnings.filterwarnings("ignore")
import mlflow
from mlflow.entities import Dataset, DatasetInput, Metric, Param, RunTag, ViewType

uri, count = sys.argv[1], int(sys.argv[2])
mlflow.set_tracking_uri(uri)
client = mlflow.MlflowClient(uri)
chance = random.Random(16)
EXPERIMENT = client.create_experiment("gate")
DIGESTS = ["aaaa", "bbbb", "cccc"]
NUMBERS = [0.558, 0.568, 0.1, 0.4, -1.0, -1.1, 0.0, 1e-7, 3.0]
VERSIONS = 20


def make():
    client.create_registered_model("net")
    for number in range(VERSIONS):
        run = client.create_run(EXPERIMENT, run_name=f"run {number}")
        id = run.info.run_id
        metrics = []
        if chance.random() < 0.85:
            value = chance.choice(NUMBERS + ([math.nan, math.inf] if number % 5 == 0 else []))
            metrics.append(Metric("rmse", value, 1, 0))
        if chance.random() < 0.7:
            metrics.append(Metric("latency", float(chance.randrange(10, 90)), 1, 0))
        params = [Param("family", chance.choice(["tree", "net"]))] if chance.random() < 0.7 else []
        tags = [RunTag("team", chance.choice(["red", "blue"]))] if chance.random() < 0.6 else []
        client.log_batch(id, metrics, params, tags)
        sets = chance.sample(DIGESTS, chance.randrange(0, 3))
        if sets:
            inputs = [DatasetInput(Dataset(f"set {digest}", digest, "local", "{}"), []) for digest in sets]
            client.log_inputs(id, datasets=inputs)
        model = None
        if chance.random() < 0.5 and hasattr(client, "create_logged_model"):
            made = client.create_logged_model(EXPERIMENT, "m", id, params={"depth": str(number % 3)})
            model = made.model_id
            for digest in chance.sample(DIGESTS, chance.randrange(0, 3)):
                for step in range(chance.randrange(1, 3)):
                    client.log_metric(id, "rmse", chance.choice(NUMBERS[:6]), timestamp=chance.randrange(100_000), step=step + number,
                                      dataset_name=f"set {digest}", dataset_digest=digest, model_id=model)
            client.finalize_logged_model(model, "READY")
        source = f"models:/{model}" if model else f"{run.info.artifact_uri}/model"
        more = {"model_id": model} if model else {}
        version = client.create_model_version("net", source, id, await_creation_for=0, **more)
        for key in ("team", "reviewed"):
            if chance.random() < 0.3:
                client.set_model_version_tag("net", version.version, key, chance.choice(["yes", "no", "red"]))
        client.set_registered_model_alias("net", f"role{number}", version.version)
        client.set_terminated(id)
        if number in (4, 11):
            # It counts as long as it can be read.
            client.delete_run(id)
    for version, stage in ((3, "Staging"), (5, "Production"), (6, "Staging"), (9, "Production")):
        client.transition_model_version_stage("net", str(version), stage)


def policy():
    made = {"min_delta": 0.0, "same_data": False, "tags": [], "params": [], "where": [], "roles": []}
    if chance.random() < 0.85:
        made["metric"] = ["rmse", chance.choice(["min", "max"])]
        made["min_delta"] = chance.choice([0.0, 0.0, 0.01, 0.1, 0.3])
        made["same_data"] = chance.random() < 0.5
    made["tags"] = chance.sample(["team", "team=red", "reviewed=yes", "absent"], chance.choice([0, 0, 1]))
    made["params"] = chance.sample(["family=tree", "depth", "depth=1"], chance.choice([0, 0, 1]))
    made["where"] = chance.sample([
        ["metrics.latency", "< 50"], ["params.family", "= 'tree'"], ["tags.team", "LIKE 're%'"],
        ["attributes.status", "= 'FINISHED'"], ["metrics.rmse", ">= 0.1"]], chance.choice([0, 1, 2]))
    made["any"] = [] if chance.random() < 0.7 else chance.sample(
        ["params.family = 'tree'", "tags.team = 'red'", "metrics.latency > 60", "metrics.rmse < 0.2"], 2)
    made["must_beat"] = chance.random() < 0.3
    return made


versions, runs, models = {}, {}, {}


def known(version):
    if version not in versions:
        it = versions[version] = client.get_model_version("net", str(version))
        runs[version] = client.get_run(it.run_id)
        _, _, model = it.source.partition("models:/")
        models[version] = client.get_logged_model(model) if model else None
    return versions[version], runs[version], models[version]


def number(value):
    return math.inf if value is not None and value >= 1.797e308 else value


def measured(version, metric):
    _, run, model = known(version)
    points = [it for it in (model.metrics or []) if it.key == metric] if model else []
    if points:
        last = {}
        for it in sorted(points, key=lambda it: (it.step, it.timestamp)):
            last[it.dataset_digest] = it.value
        newest = max(points, key=lambda it: (it.step, it.timestamp)).value
        return newest, sorted(last.items())
    if metric not in run.data.metrics:
        return None, []
    value = number(run.data.metrics[metric])
    sets = sorted({it.dataset.digest for it in run.inputs.dataset_inputs})
    return value, [(digest, value) for digest in sets]


def beats(goal, own, other, least):
    more, less = (Decimal(repr(other)), Decimal(repr(own)))
    if goal == "max":
        more, less = less, more
    return more > less and more - less >= Decimal(repr(least))


def rank(goal, own, other, least):
    if not math.isfinite(own):
        return False, -math.inf
    if not math.isfinite(other):
        return True, math.inf
    return beats(goal, own, other, least), other - own if goal == "min" else own - other


found_by = {}


def matches(run, clause):
    if (run, clause) not in found_by:
        found_by[run, clause] = bool(client.search_runs([EXPERIMENT], f"{clause} AND attributes.run_id = '{run}'", ViewType.ALL))
    return found_by[run, clause]


def judge(policy, role, version, holder):
    checks = []
    it, run, model = known(version)
    if role in policy["roles"][1:]:
        below = policy["roles"][policy["roles"].index(role) - 1]
        holds = it.current_stage == below if below in ("Staging", "Production") else below in it.aliases
        checks.append(["role", below, holds, None, None])
    if "metric" in policy or policy["must_beat"]:
        metric, goal = policy.get("metric", ["rmse", "min"])
        (own, own_sets), (other, other_sets) = measured(version, metric), measured(holder, metric) if holder else (None, [])
        data = None
        if policy["same_data"] and holder:
            common = [digest for digest, _ in own_sets if digest in dict(other_sets)]
            if common:
                # On the one where it does worst.
                own, other = min(((dict(own_sets)[it], dict(other_sets)[it]) for it in common),
                                 key=lambda it: rank(goal, *it, policy["min_delta"]))
                data = True
            else:
                data = False if own_sets and other_sets else None
            data = ["data", "", data, None, None]
        if own is None:
            holds = None
        elif not math.isfinite(own):
            holds = False
        elif not holder:
            holds = True
        elif other is None:
            holds = None
        else:
            holds = not math.isfinite(other) or beats(goal, own, other, policy["min_delta"])
        checks.append(["better", metric, holds, own, other])
        checks += [data] if data else []
    for kind, of in (("tag", (it.tags, run.data.tags)), ("param", (model.params if model else {}, run.data.params))):
        for wanted in policy[kind + "s"]:
            key, _, value = wanted.partition("=")
            found = next((all[key] for all in of if all and key in all), None)
            checks.append([kind, key, found is not None and value in ("", found), None, None])
    for field, test in policy["where"]:
        key = field.partition(".")[2]
        own = number(run.data.metrics.get(key)) if field.startswith("metrics.") else None
        checks.append(["where", field, matches(it.run_id, f"{field} {test}"), own, None])
    if policy["any"]:
        checks.append(["where", "", any([matches(it.run_id, clause) for clause in policy["any"]]), None, None])
    return checks


def told(value):
    return value if value is None or math.isfinite(value) else str(value)


make()
in_stage = {"Production": 9, "Staging": 6}
cases = []
for _ in range(count):
    made, version = policy(), chance.randrange(1, VERSIONS + 1)
    role, holder = "nobody", None
    if chance.random() < 0.2:
        role = chance.choice(["Staging", "Production"])
        holder, made["roles"] = in_stage[role], ["Staging", "Production"]
    elif chance.random() < 0.9:
        holder = chance.randrange(1, VERSIONS + 1)
        role = f"role{holder - 1}"
        if chance.random() < 0.3:
            below = chance.choice([version, chance.randrange(1, VERSIONS + 1)])
            if below != holder:
                made["roles"] = [f"role{below - 1}", role]
    outcomes = {True: "passed", False: "failed", None: "unknown"}
    checks = [[kind, name, outcomes[holds], told(own), told(other)] for kind, name, holds, own, other in judge(made, role, version, holder)]
    all = [check[2] for check in checks]
    decision = "failed" if "failed" in all else "unknown" if "unknown" in all else "passed"
    cases.append({"policy": made, "role": role, "version": version, "decision": decision, "checks": checks})
print(json.dumps(cases))
