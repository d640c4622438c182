"""Run one side of a case in its own process: the only file of this package that imports TensorFlow.

Started as a script, never imported by the package: ``python worker.py --serve`` answers one JSON
job a line on standard input with one JSON line on standard output. It needs only the standard
library, numpy and TensorFlow, and keeps to Python 3.6 so that the old side of a proof can run on
the TensorFlow it was written for. Results are described by a JSON skeleton whose leaves point
into an ``.npz`` file; the skeleton's format is read by ``results.py``.
"""

import ast
import contextlib
import importlib
import importlib.util
import inspect
import json
import linecache
import os
import sys
import tempfile
import traceback
import types
from typing import Any

np = tf = world = None  # type: Any


class NotRunError(Exception):
    """This mode says nothing about the case, for the reason given."""


# --- Source into a module -------------------------------------------------------------------------


def program_source(source: bytes, outputs: Any, lift_variables: bool) -> bytes:
    """Rewrite a module so that its body is a function ``__program__`` returning `outputs`.

    Imports stay at module level. With `lift_variables` so does everything up to the last
    statement that makes a variable, because ``tf.function`` may not make variables twice.
    """
    if not hasattr(ast, "unparse"):  # pragma: no cover - Python 3.8 and older
        raise NotRunError("wrapping a module in a function needs Python 3.9 or later")
    tree = ast.parse(source)
    keep = 0
    if lift_variables:
        for number, node in enumerate(tree.body):
            text = ast.unparse(node)
            if "Variable(" in text or "get_variable(" in text:
                keep = number + 1
    imports = (ast.Import, ast.ImportFrom)
    head = tree.body[:keep] + [n for n in tree.body[keep:] if isinstance(n, imports)]
    body = [n for n in tree.body[keep:] if not isinstance(n, imports)]
    pairs = ", ".join(f"{name!r}: {name}" for name in outputs)
    tail = ast.parse(f"def __program__():\n    return {{{pairs}}}").body[0]
    tail.body = body + tail.body  # type: ignore[attr-defined]
    tree.body = [*head, tail]
    return ast.unparse(ast.fix_missing_locations(tree)).encode("utf-8") + b"\n"


def load_module(job: Any, source: bytes) -> Any:
    """Execute `source` as a fresh module from a real file, where AutoGraph finds its text."""
    folder = tempfile.mkdtemp(prefix="case-", dir=job["folder"])
    path = os.path.join(folder, os.path.basename(job["path"]) or "case.py")
    with open(path, "wb") as file:
        file.write(source)
    linecache.checkcache(path)
    sys.path[:0] = job["sys_path"]
    stem = "case_{}".format(job["id"])
    name = job["package"] + "." + stem if job["package"] else stem
    spec = importlib.util.spec_from_file_location(name, path)  # type: Any
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def find_entry(module: Any, entry: str) -> Any:
    """The callable that the expression `entry` means; ``Class.method`` gets a ``Class()``."""
    owner, _, method = entry.rpartition(".")
    if owner.isidentifier() and inspect.isclass(getattr(module, owner, None)):
        cls = getattr(module, owner)
        if not isinstance(inspect.getattr_static(cls, method), (staticmethod, classmethod)):
            return getattr(cls(), method)
    return eval(entry, module.__dict__)


# --- Modes ----------------------------------------------------------------------------------------


def prepare(job: Any, randomness: Any, mode: str) -> Any:
    """Load the case; return a function of no arguments that computes the result."""
    symbolic = mode in ("graph", "autograph")
    if job["entry"] is None:
        if mode not in ("autograph", "function"):
            module = load_module(job, job["source"])
            return lambda: {name: getattr(module, name) for name in job["outputs"]}
        lift = mode == "function"
        module = load_module(job, program_source(job["source"], job["outputs"], lift))
        entry, arguments = module.__program__, {}
    else:
        module = load_module(job, job["source"])
        entry = find_entry(module, job["entry"])
        with np.load(job["inputs"]) as arrays:
            pairs = [
                (k, world.read_argument(v, arrays, job, symbolic)) for k, v in job["arguments"]
            ]
        arguments = dict(pairs)
    if mode == "autograph":
        entry = converted(entry)
    if mode != "function":
        return lambda: entry(**arguments)
    start = randomness.calls

    def traced(**kwargs: Any) -> Any:
        # A function that makes variables is traced twice: draw the same numbers both times.
        randomness.calls = start
        return entry(**kwargs)

    function = tf.function(traced)
    return lambda: function(**arguments)


def converted(entry: Any) -> Any:
    """AutoGraph-convert a function or bound method, and what it calls."""
    if isinstance(entry, types.MethodType):
        function = tf.autograph.to_graph(entry.__func__)
        owner = entry.__self__
        return lambda *args, **kwargs: function(owner, *args, **kwargs)
    return tf.autograph.to_graph(entry)


def run_graph(job: Any, randomness: Any, mode: str) -> Any:
    """Build the case in a fresh v1 graph and fetch its result with a Session."""
    graph = tf.Graph()
    soft = not job["device"].startswith("GPU")
    config = tf.compat.v1.ConfigProto(allow_soft_placement=soft)
    with graph.as_default(), tf.device("/" + job["device"]):
        tf.compat.v1.set_random_seed(randomness.seed)
        creator = randomness.creator(job["double"])
        with tf.compat.v1.variable_creator_scope(creator):
            result = prepare(job, randomness, mode)()
        skeleton = world.Skeleton(job["device"])
        described = skeleton.describe(result)
        start = tf.compat.v1.global_variables_initializer()
        local = tf.compat.v1.local_variables_initializer()
        feed = dict(job["feeds"].values())
        fetched = [tf.is_tensor(leaf) and not hasattr(leaf, "numpy") for leaf in skeleton.leaves]
        fetches = [leaf for leaf, symbolic in zip(skeleton.leaves, fetched) if symbolic]
        with tf.compat.v1.Session(graph=graph, config=config) as session:
            session.run([start, local])
            values = iter(session.run(fetches, feed))
    pairs = zip(skeleton.leaves, fetched)
    return described, [next(values) if symbolic else leaf for leaf, symbolic in pairs]


def run_eager(job: Any, randomness: Any, mode: str) -> Any:
    """Run the case eagerly, or under ``tf.function``."""
    with tf.device("/" + job["device"]):
        with tf.variable_creator_scope(randomness.creator(job["double"])):
            result = prepare(job, randomness, mode)()
        skeleton = world.Skeleton(job["device"])
        described = skeleton.describe(result)
    return described, [np.asarray(leaf) for leaf in skeleton.leaves]


def run_differences(job: Any, randomness: Any) -> Any:
    """Evaluate a scalar target at points around the input, and the gradient given for it.

    Answers, for each random unit direction, the target at 0, +eps, -eps, +eps/10 and -eps/10
    and the directional derivative that the case's gradient claims.
    """
    asked = job["differences"]
    with tf.variable_creator_scope(randomness.creator(True)):
        module = load_module(job, job["source"])
        with np.load(job["inputs"]) as arrays:
            given = {k: world.read_argument(v, arrays, job, False) for k, v in job["arguments"]}
        if job["entry"] is None:
            scope = dict(module.__dict__)
        else:
            scope = {"result": find_entry(module, job["entry"])(**given)}
        path = asked["gradient"]
        if job["entry"] is not None:
            path = "result" + path
        gradient = np.asarray(tf.convert_to_tensor(eval(path, scope)), np.float64)
        target = eval(asked["target"], module.__dict__)
        source = given.get(asked["source"], getattr(module, asked["source"], None))
        if source is None:
            raise NotRunError("no argument or variable is called {!r}".format(asked["source"]))
        accepted = inspect.signature(target).parameters
        point = np.asarray(tf.convert_to_tensor(source), np.float64)

        def at(shift: Any) -> float:
            moved = tf.constant(point + shift)
            if isinstance(source, tf.Variable):
                source.assign(moved)
                moved = source
            arguments = dict(given, **{asked["source"]: moved})
            randomness.calls = 0
            value = target(**{k: v for k, v in arguments.items() if k in accepted})
            return float(tf.reduce_sum(tf.cast(value, "float64")))

        generator, eps, rows = np.random.RandomState(randomness.seed), asked["eps"], []
        for _ in range(asked["directions"]):
            unit = generator.standard_normal(point.shape)
            unit = unit / np.sqrt(np.sum(unit**2))
            steps = (0.0, eps, -eps, eps / 10, -eps / 10)
            rows.append([at(step * unit) for step in steps] + [float(np.sum(gradient * unit))])
    return {"kind": "tensor", "index": 0}, [np.array(rows)]


def run_job(job: Any) -> Any:
    """Run one job; never raises. The answer holds either a structure or an error."""
    randomness = world.Randomness(job["seed"])
    job["feeds"] = {}
    # Bytes travel as the characters of the same numbers: a source may be in any encoding.
    job["source"] = job["source"].encode("latin-1")
    answer = {"id": job["id"], "structure": None, "error": None, "not_run": None}
    with contextlib.ExitStack() as stack:
        try:
            tf.compat.v1.reset_default_graph()
            stack.enter_context(world.preserved(job["source"]))
            if job["v1"] and b"compat.v1" not in job["source"] and tf.version.VERSION > "2":
                # Written for TensorFlow 1: there `import tensorflow` meant this interface.
                sys.modules["tensorflow"] = tf.compat.v1
            stack.enter_context(randomness.patched())
            if job["double"]:
                stack.enter_context(world.float64_world())
            if job["mode"] == "differences":
                described, values = run_differences(job, randomness)
            elif job["mode"] in ("graph", "autograph"):
                described, values = run_graph(job, randomness, job["mode"])
            else:
                described, values = run_eager(job, randomness, job["mode"])
            values = list(values)
            answer["structure"] = world.finish(described, values)
            np.savez(job["result"], **{str(i): value for i, value in enumerate(values)})
        except NotRunError as error:
            answer["not_run"] = str(error)
        except (Exception, SystemExit) as error:
            text = str(error).strip().splitlines() or [""]
            if text[0].startswith("in user code"):
                # AutoGraph puts the traceback first and what went wrong last.
                text = [text[-1].strip()]
            lines = traceback.format_exc().rstrip().splitlines()
            answer["error"] = {
                "type": type(error).__name__,
                "message": "\n".join(text[:6]),
                "traceback": "\n".join(lines[-24:]),
            }
    return answer


def start_tensorflow(v1: bool, keras2: bool = False) -> Any:
    """Import TensorFlow once, set it for comparison, and say what was found."""
    global np, tf, world  # noqa: PLW0603
    if keras2 and importlib.util.find_spec("tf_keras") is not None:
        os.environ["TF_USE_LEGACY_KERAS"] = "1"  # read when TensorFlow is imported
    try:
        np = importlib.import_module("numpy")
        tf = importlib.import_module("tensorflow")
    except ImportError as error:
        return {"error": f"{type(error).__name__}: {error}", "python": sys.version.split()[0]}
    world = importlib.import_module("worker_world")
    version = tf.version.VERSION
    gpus = []
    if hasattr(tf.config, "list_physical_devices"):
        gpus = [d.name.rpartition("device:")[2] for d in tf.config.list_physical_devices("GPU")]
        gpus = [name.replace("/physical_", "") for name in gpus]
    if gpus:  # pragma: no cover - needs a GPU
        tf.config.set_soft_device_placement(False)
        if hasattr(tf.config.experimental, "enable_tensor_float_32_execution"):
            tf.config.experimental.enable_tensor_float_32_execution(False)
        if hasattr(tf.config.experimental, "enable_op_determinism"):
            tf.config.experimental.enable_op_determinism()
    if hasattr(getattr(tf.config, "optimizer", None), "set_experimental_options"):
        # With them one in ten traces of a Keras 3 training step (TensorFlow 2.21) gives others.
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    if v1 and version.startswith("2"):
        tf.compat.v1.disable_v2_behavior()
    if keras2:
        missing = world.use_keras_2()
        if missing:
            return {"error": missing, "python": sys.version.split()[0]}
    # The script's own folder must not shadow modules that a case imports.
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != here]
    return {"tensorflow": version, "python": sys.version.split()[0], "gpus": gpus, "error": None}


def main(arguments: Any) -> None:
    """Serve jobs from standard input until it ends."""
    # Cases may print and read: the two pipes to the parent move out of their reach.
    questions, answers = os.fdopen(os.dup(0), "r"), os.fdopen(os.dup(1), "w")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    answers.write(json.dumps(start_tensorflow("v1" in arguments, "keras2" in arguments)) + "\n")
    answers.flush()
    for line in questions:
        answers.write(json.dumps(run_job(json.loads(line))) + "\n")
        answers.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
