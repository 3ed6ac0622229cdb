"""Runs a model that mltui trained: what a data frame holds is brought to what ONNX Runtime takes.

It takes texts only as NumPy's arrays of objects, and pandas 3 keeps them in arrays of its own; and a gap among them, which
the model knows as an empty text, would be read as the text "nan".
"""

import numpy
import onnxruntime
import pandas

TYPES = {
    "tensor(float)": numpy.float32,
    "tensor(double)": numpy.float64,
    "tensor(int64)": numpy.int64,
    "tensor(bool)": numpy.bool_,
}


class Model:
    def __init__(self, path):
        self.session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])

    def predict(self, data, params=None):
        feeds = {tensor.name: feed(tensor, data[tensor.name]) for tensor in self.session.get_inputs()}
        names = [tensor.name for tensor in self.session.get_outputs()]
        return pandas.DataFrame(dict(zip(names, self.session.run(names, feeds))))


def feed(tensor, column):
    gaps = pandas.isna(column)
    if tensor.type == "tensor(string)":
        values = numpy.array(["" if gap else str(value) for value, gap in zip(column, gaps)], dtype=object)
    elif TYPES[tensor.type] in (numpy.int64, numpy.bool_) and gaps.any():
        raise ValueError(f"column {tensor.name!r} has a gap: it had none where the model was trained")
    else:
        values = numpy.asarray(column, dtype=TYPES[tensor.type])
    return values.reshape(-1, *tensor.shape[1:])


def _load_pyfunc(path):
    """What MLflow calls, with the path of the ONNX file."""
    return Model(path)
