"""Runs each model of a folder on its rows and compares with what was expected. Prints a line a model."""
import json, pathlib, sys
import numpy as np
import onnx, onnxruntime

failed = 0
for folder in sorted(path for path in pathlib.Path(sys.argv[1]).iterdir() if path.is_dir()):
    case = json.loads((folder / "case.json").read_text())
    onnx.checker.check_model(str(folder / "model.onnx"), full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"])
    kinds = {"tensor(int64)": np.int64, "tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(bool)": bool, "tensor(string)": object}
    kinds = {each.name: kinds[each.type] for each in session.get_inputs()}
    feeds = {}
    for column in case["inputs"]:
        values = [np.nan if value is None and column["kind"] == "real" else value for value in column["values"]]
        values = np.array(values, dtype=kinds[column["name"]])
        feeds[column["name"]] = values.reshape(-1, 1) if len(case["inputs"]) == 1 else values
    names = [output.name for output in session.get_outputs()]
    outputs = dict(zip(names, session.run(None, feeds)))
    predicted = outputs.pop("prediction")
    if case["labels"] is None:
        expected = np.array(case["expected"])
        scale = np.abs(expected).max()
        worst = np.abs(predicted - expected).max() / scale
        wrong = int((np.abs(predicted - expected) > 2e-6 * scale).sum())
    else:
        wrong = sum(str(a).lower() != b for a, b in zip(predicted, (str(case["labels"][c]).lower() for c in case["expected"])))
        table = np.column_stack(list(outputs.values()))
        worst = np.abs(table - np.array(case["probabilities"])).max()
        wrong += int((np.abs(table - np.array(case["probabilities"])) > 2e-6).sum())
    failed += wrong > 0
    print(f"{folder.name}: {len(predicted)} rows, {wrong} differ, at most by {worst:.1e}")
sys.exit(1 if failed else 0)
