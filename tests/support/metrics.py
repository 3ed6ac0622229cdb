"""What the packages themselves say of their metrics: prints a JSON list of [source, name, "max" or "min"].

Read from scikit-learn, which is installed, and from the source in wheels, which are not: some of them need gigabytes more.
"""

import ast
import json
import re
import sys
import zipfile

found = []


def say(source, name, is_up):
    found.append([source, name, "max" if is_up else "min"])


def snake(name):
    name = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name)
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower()


def sklearn():
    import sklearn.metrics as metrics

    for name in metrics.get_scorer_names():
        # Of a scorer more is better; the sign tells of the function that it is made of.
        say("scikit-learn", name, True)
        if metrics.get_scorer(name)._sign < 0:
            say("scikit-learn", name.removeprefix("neg_"), False)
    for name in metrics.__all__:
        # So the documentation has it; this one is the exception that it names.
        if name.endswith("_score"):
            say("scikit-learn", name, name != "davies_bouldin_score")
        elif name.endswith(("_loss", "_error", "_deviance")):
            say("scikit-learn", name, False)


def modules(wheel, folder):
    with zipfile.ZipFile(wheel) as files:
        for name in files.namelist():
            if name.startswith(folder) and name.endswith(".py"):
                yield name, ast.parse(files.read(name))


def assigned(body):
    for line in body:
        target = line.target if isinstance(line, ast.AnnAssign) else line.targets[0] if isinstance(line, ast.Assign) else None
        if isinstance(line, (ast.AnnAssign, ast.Assign)) and isinstance(line.value, ast.Constant):
            yield target, line.value.value


def torchmetrics(wheel):
    for _, module in modules(wheel, "torchmetrics/"):
        for made in module.body:
            if not isinstance(made, ast.ClassDef):
                continue
            for target, value in assigned(made.body):
                if isinstance(target, ast.Name) and target.id == "higher_is_better" and isinstance(value, bool):
                    say("torchmetrics", made.name, value)
                    say("torchmetrics", snake(made.name), value)


def keras(wheel):
    classes = {}
    for name, module in modules(wheel, "keras/src/metrics/"):
        if name.endswith("_test.py"):
            continue
        for made in (one for one in module.body if isinstance(one, ast.ClassDef)):
            called, direction = None, None
            for start in (one for one in made.body if isinstance(one, ast.FunctionDef) and one.name == "__init__"):
                arguments = start.args.args[len(start.args.args) - len(start.args.defaults):]
                for argument, default in zip(arguments, start.args.defaults):
                    if argument.arg == "name" and isinstance(default, ast.Constant):
                        called = default.value
                for target, value in assigned(start.body):
                    if isinstance(target, ast.Attribute) and target.attr == "_direction":
                        direction = value
            bases = [base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "") for base in made.bases]
            classes[made.name] = (called, direction, bases)

    def direction(name):
        _, own, bases = classes.get(name, (None, None, []))
        return own or next(filter(None, map(direction, bases)), None)

    for name, (called, _, _) in classes.items():
        if direction(name) in ("up", "down") and not name.startswith("_"):
            for one in {called, snake(name)} - {None}:
                for prefix in ("", "val_"):
                    say("keras", prefix + one, direction(name) == "up")


def lm_eval(wheel):
    for _, module in modules(wheel, "lm_eval/api/metrics.py"):
        for call in ast.walk(module):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "register_metric":
                said = {word.arg: word.value.value for word in call.keywords if isinstance(word.value, ast.Constant)}
                say("lm-eval", said["metric"], said["higher_is_better"])
    said = {}
    with zipfile.ZipFile(wheel) as files:
        for name in files.namelist():
            if name.startswith("lm_eval/tasks/") and name.endswith((".yaml", ".yml")) or name.endswith("_yaml"):
                text = files.read(name).decode()
                for item in re.split(r"\n\s*- (?=metric:)", text)[1:]:
                    metric = re.match(r"metric:\s*[\"']?([^\s\"'#!]+)[\"']?\s*(#.*)?\n", item)
                    better = re.search(r"higher_is_better:\s*(true|false)", item, re.IGNORECASE)
                    if metric and better:
                        said.setdefault(metric[1], set()).add(better[1].lower() == "true")
    for metric, better in said.items():
        if len(better) == 1:
            say("lm-eval", metric, better.pop())


def ultralytics(wheel):
    for _, module in modules(wheel, "ultralytics/utils/metrics.py"):
        for made in (one for one in module.body if isinstance(one, ast.ClassDef)):
            keys = [one for one in made.body if isinstance(one, ast.FunctionDef) and one.name == "keys"]
            for text in (one for start in keys for one in ast.walk(start) if isinstance(one, ast.Constant)):
                if str(text.value).startswith("metrics/"):
                    down = text.value.removeprefix("metrics/") in ("abs_rel", "rmse", "silog")
                    say("ultralytics", text.value, not down)
                    # As its callback for MLflow writes it.
                    say("ultralytics", text.value.replace("(", "").replace(")", ""), not down)
    for _, module in modules(wheel, "ultralytics/utils/loss.py"):
        for text in ast.walk(module):
            if isinstance(text, ast.Constant) and re.fullmatch(r"\w+_loss", str(text.value)):
                for prefix in ("train/", "val/"):
                    say("ultralytics", prefix + text.value, False)


def stable_baselines3(wheel):
    for _, module in modules(wheel, "stable_baselines3/"):
        for call in ast.walk(module):
            if isinstance(call, ast.Call) and getattr(call.func, "attr", "") == "record" and call.args:
                name = getattr(call.args[0], "value", None)
                if not isinstance(name, str):
                    continue
                if name.endswith("loss") or name == "time/time_elapsed":
                    say("stable-baselines3", name, False)
                elif re.search(r"reward|rew_mean|success|explained_variance|fps", name):
                    say("stable-baselines3", name, True)
                else:
                    found.append(["stable-baselines3", name, None])


sklearn()
for wheel in sys.argv[1:]:
    package = re.search(r"([a-z0-9_]+)-[^/]*\.whl$", wheel)[1]
    {"torchmetrics": torchmetrics, "keras": keras, "lm_eval": lm_eval, "ultralytics": ultralytics,
     "stable_baselines3": stable_baselines3}[package](wheel)
print(json.dumps(sorted(map(list, {tuple(one) for one in found}), key=str)))
