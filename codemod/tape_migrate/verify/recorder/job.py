"""One job: set everything up, run the program, say how it ended."""

import builtins
import importlib
import importlib.util
import json
import os
import runpy
import sys
import time
import traceback
from typing import Any

_PARTS = (
    "devices",
    "differences",
    "graphs",
    "imports",
    "modes",
    "places",
    "processes",
    "randomness",
    "sites",
    "stream",
    "tensorflow_of",
    "values",
    "variables",
    "vectorised",
    "xla",
)


def main(path: str) -> None:
    """Run the job that a JSON file describes; what comes of it lies in the job's folder."""
    with open(path, encoding="utf-8") as file:
        job = json.load(file)
    job["file"] = path
    folder = job["folder"]
    end = {"error": None, "exit": 0, "unmatched": []}  # type: Any
    if job["mode"] == "keras-2" and importlib.util.find_spec("tf_keras") is not None:
        os.environ["TF_USE_LEGACY_KERAS"] = "1"  # read when TensorFlow is imported
    try:
        importlib.import_module("tensorflow")
    except ImportError as error:
        end.update(missing=f"{type(error).__name__}: {error}")
        write(folder, "end.json", end)
        raise SystemExit(0) from None
    run(job, end)


def run(job: Any, end: Any) -> None:
    here = __name__.rpartition(".")[0]
    parts = {name: importlib.import_module(here + "." + name) for name in _PARTS}  # type: Any
    folder, tf = job["folder"], parts["tensorflow_of"].tf
    write(folder, "start.json", describe(tf))
    store = parts["values"].Store(folder, job["limit_bytes"])
    tracker = parts["graphs"].Tracker(store)
    world = wide_world(job["world"]) if job["double"] else None
    places = parts["places"].Places(job["root"], job["lines"])
    randomness = parts["randomness"].Randomness(job["seed"], places, job["draws"])
    tracker.install()
    parts["vectorised"].install()
    randomness.install()
    parts["variables"].Variables(store, randomness, world).install()
    parts["devices"].settle(job["device"])
    if job["device"] != "CPU:0":
        tracker.placement = parts["devices"].Placement(store)
    parts["modes"].apply(job["mode"], job["tapes"])
    if job["differences"]:
        tracker.differences = parts["differences"].Differences(store, job["seed"])
    sites = parts["sites"].Sites(store, tracker, tracker.differences)
    vars(builtins)["__tape_migrate__"] = sites.builtin()
    parts["imports"].redirect(job["original"], job["root"], job["files"])
    parts["xla"].install(store)
    parts["processes"].install(store, job["file"])
    began, process = time.time(), os.getpid()
    try:
        if job["mode"] == "keras-2":
            missing = wide_world(job["world"]).use_keras_2()
            if missing:
                raise ImportError(missing)
        with parts["modes"].around(job["mode"]):
            if world is not None:
                with world.float64_world():
                    program(job)
            else:
                program(job)
    except SystemExit as error:
        code = error.code
        end["exit"] = code if isinstance(code, int) else int(code is not None)
        if isinstance(code, str):
            end["said"] = code
    except BaseException as error:
        end["exit"] = 1
        end["error"] = explain(error)
    if os.getpid() != process:
        os._exit(end["exit"])  # a fork of the program has come to its end, not the program
    end["seconds"] = time.time() - began
    if end["error"] is None:
        try:
            tracker.finish()
            if tracker.placement is not None:
                tracker.placement.finish()
        except Exception as error:
            end["finish"] = explain(error)
    sites.finish()
    end["unmatched"] = randomness.unmatched
    end["draws"] = randomness.counts
    store.close()
    write(folder, "end.json", end)
    sys.stdout.flush()
    sys.stderr.flush()
    # Threads of the program, or TensorFlow's own teardown, are nobody's concern any more.
    os._exit(0)


def program(job: Any) -> None:
    """Run the program as ``python`` would."""
    sys.argv[:] = job["argv"]
    if job["module"]:
        sys.path.insert(0, os.getcwd())
        runpy.run_module(job["module"], run_name="__main__", alter_sys=True)
    else:
        sys.path.insert(0, os.path.dirname(os.path.abspath(job["argv"][0])))
        runpy.run_path(job["argv"][0], run_name="__main__")


def wide_world(path: str) -> Any:
    """The functions of a float64 run."""
    spec = importlib.util.spec_from_file_location("_tape_migrate_world", path)  # type: Any
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def describe(tf: Any) -> Any:
    """Versions and devices."""
    gpus = []  # type: Any
    listed = getattr(getattr(tf, "config", None), "list_physical_devices", None)
    if listed is not None:  # pragma: no branch - not in TensorFlow 1
        gpus = [device.name.rpartition("device:")[2] for device in listed("GPU")]
    keras = ""
    try:
        keras = importlib.import_module("keras").__version__ if "keras" in sys.modules else ""
    except (ImportError, AttributeError):
        keras = ""
    return {
        "tensorflow": tf.__version__,
        "python": sys.version.split()[0],
        "numpy": importlib.import_module("numpy").__version__,
        "keras": keras,
        "gpus": [name.replace("/physical_", "") for name in gpus],
    }


def explain(error: Any) -> Any:
    """An exception in words, with the program's part of its traceback."""
    lines = traceback.format_exception(type(error), error, error.__traceback__)
    text = "".join(lines).rstrip().splitlines()
    message = str(error).strip()
    if message.startswith("in user code"):
        # AutoGraph puts the traceback first and what went wrong last.
        message = message.splitlines()[-1].strip()
    return {
        "type": type(error).__name__,
        "message": "\n".join(message.splitlines()[:6]),
        "traceback": "\n".join(text[-30:]),
    }


def write(folder: str, name: str, data: Any) -> None:
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        json.dump(data, file)
