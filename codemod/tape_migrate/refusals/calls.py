"""Reasons for leaving a call alone that have nothing to do with Keras graphs."""

from __future__ import annotations

from tape_migrate.refusals.reason import Reason

CALLS = (
    Reason(
        "TM001",
        "ignored",
        "A comment asks to leave this call alone.",
        "Take the comment away to have the call looked at.",
        "g = tf.gradients(y, x)  # tape-migrate: ignore",
    ),
    Reason(
        "TM002",
        "not-selected",
        "The options (--select, --ignore) leave this call out.",
        "Run again with other options, or change select and ignore in pyproject.toml.",
        "tape-migrate --select local src",
    ),
    Reason(
        "TM003",
        "not-accepted",
        "The migration of this call was not accepted in a review.",
        "Run tape-migrate --review again and accept it.",
        "tape-migrate --review src",
    ),
    Reason(
        "TM004",
        "unused-ignore",
        "An ignore comment leaves nothing alone, or names a code that nothing here is refused "
        "with.",
        "Take the comment, or the code in it, away.",
        "g = tape.gradient(y, x)  # tape-migrate: ignore",
    ),
    Reason(
        "TM005",
        "framework",
        "The file is a part of TensorFlow or Keras itself, which define what the calls of others "
        "mean.",
        "Leave installed packages as they are; changes of a framework belong into its own project.",
        "tape-migrate site-packages/tensorflow",
    ),
    Reason(
        "TM101",
        "target-is-parameter",
        "The target comes in as a parameter, so its forward pass ran in a caller, before any tape "
        "opened here.",
        "Open the tape in the callers, around the forward pass, and pass the tape or a function "
        "that computes the target.",
        "def grad(y, x):\n    return tf.gradients(y, x)[0]",
    ),
    Reason(
        "TM102",
        "target-computed-elsewhere",
        "The target was computed in another function, method or module, before any tape opened "
        "here.",
        "Open the tape where the forward pass is called, or compute the target again in here.",
        "g = tf.gradients(self.loss, x)  # self.loss was set by another method",
    ),
    Reason(
        "TM103",
        "no-visible-path",
        "No path from the source to the target is visible here, and one that is hidden (in an "
        "object's state, say) would be missed by a tape.",
        "Pass the source to the function that computes the target, inside a tape that watches it.",
        "def f(self, x):\n    y = self.cached()\n    return tf.gradients(y, x)",
    ),
    Reason(
        "TM104",
        "source-rebound",
        "The name of the source is bound again between the forward pass and the gradient, so it "
        "no longer means the tensor that the target was computed from.",
        "Give the new value another name.",
        "y = f(x)\nx = x + 1\ng = tf.gradients(y, x)  # None: y does not use the new x",
    ),
    Reason(
        "TM105",
        "path-starts-earlier",
        "The target also uses a value that was computed from the source outside the statements "
        "that a tape could enclose: a tape would miss that part of the gradient.",
        "Compute everything that depends on the source inside one block after the watch.",
        "def penalty(x, h):  # called as penalty(x, x * x)\n    return tf.gradients(h * x, x)",
    ),
    Reason(
        "TM106",
        "collected-variables",
        "The sources are variables collected elsewhere (tf.trainable_variables(), "
        "model.trainable_weights, a collection): the forward pass that reads them must be inside "
        "the tape, and it is not all visible here.",
        "Open the tape before the forward pass; it sees trainable variables by itself.",
        "grads = tf.gradients(loss, tf.trainable_variables())",
    ),
    Reason(
        "TM107",
        "keras-graph",
        "The call differentiates symbolic tensors of a Keras model, which a tape cannot see.",
        "Build a sub-model with the tensors as outputs, call it once inside a tape that watches "
        "its input, and differentiate its results.",
        "grads = K.gradients(model.output, model.input)",
    ),
    Reason(
        "TM108",
        "optimizer-method",
        "The gradient is taken by an optimizer's method.",
        "Compute the loss inside a tape, then optimizer.apply_gradients(zip(tape.gradient(loss, "
        "variables), variables)); in an optimizer subclass override update_step instead.",
        "grads_and_vars = optimizer.compute_gradients(loss, var_list)",
    ),
    Reason(
        "TM109",
        "gradient-override",
        "The module, or another one of the program, overrides gradients or imports a graph "
        "(gradient_override_map, RegisterGradient, import_graph_def): a tape silently ignores the "
        "overrides.",
        "Rewrite the overridden operation with tf.custom_gradient first.",
        'with graph.gradient_override_map({"Relu": "GuidedRelu"}): ...',
    ),
    Reason(
        "TM110",
        "patched-gradients",
        "The gradient function is replaced at run time (monkey-patched), so the call is not "
        "TensorFlow's own.",
        "Remove the patch (tf.recompute_grad replaces memory-saving gradients).",
        "tf.gradients = memory_saving_gradients.gradients",
    ),
    Reason(
        "TM111",
        "both-paths",
        "The code already has a path with tf.GradientTape beside this one.",
        "Delete the old path when graph mode is no longer needed.",
        "if tf.executing_eagerly():\n    ...tape...\nelse:\n    g = tf.gradients(y, x)",
    ),
    Reason(
        "TM112",
        "leaves-tensorflow",
        "On its way to the target the value leaves TensorFlow (numpy, .numpy(), .eval(), "
        "session.run): a tape would see nothing of that part.",
        "Use the TensorFlow function of the same name.",
        "h = np.tanh(x)\ng = tf.gradients(h, x)",
    ),
    Reason(
        "TM113",
        "unknown-arguments",
        "The call has arguments that cannot be read here (*args, **kwargs, or a keyword "
        "tf.gradients does not take).",
        "Write the arguments out.",
        "tf.gradients(y, x, **kwargs)",
    ),
    Reason(
        "TM114",
        "stop-gradients",
        "stop_gradients is given for a value for which no exact counterpart is certain (an output "
        "of an operation with several outputs, or a value that cannot be traced here).",
        "Put tf.stop_gradient around the value where it is computed, if nothing else needs its "
        "gradient.",
        "u, v = tf.split(z, 2)\ntf.gradients(y, z, stop_gradients=[u])",
    ),
    Reason(
        "TM115",
        "not-modelled",
        "Between the source and the gradient stands something that is not followed: try, del, "
        "global or nonlocal writes, exec, a generator, async code.",
        "Move the gradient and its forward pass into a plain function.",
        "try:\n    y = f(x)\nexcept ValueError:\n    y = x\ng = tf.gradients(y, x)",
    ),
    Reason(
        "TM116",
        "closure",
        "The target or the tape would be used in a function that runs later than the code that "
        "computes it.",
        "Compute the target inside that function, or take the gradient outside it.",
        "y = f(x)\nreturn lambda: tf.gradients(y, x)",
    ),
    Reason(
        "TM117",
        "loop-carried",
        "The value runs around a loop, or into a tensor loop (tf.while_loop, AutoGraph's "
        "tf.range) from outside: graph and eager gradients differ there.",
        "Define the source inside the loop body, or take the gradient outside the loop.",
        "for i in tf.range(n):\n    y = y * x\n    g = tf.gradients(y, x)",
    ),
    Reason(
        "TM118",
        "reference-variable",
        "The path uses the value or the assignment of a variable as a tensor (v.value(), "
        "tf.assign(v, …)): old reference variables and today's give different gradients.",
        "Differentiate with respect to the variable itself, and read it after the assignment.",
        "tf.gradients(y, v.value())",
    ),
    Reason(
        "TM119",
        "back-prop-off",
        "A loop with back_prop=False is on the path: an eager tape ignores it.",
        "Wrap the loop's result in tf.stop_gradient.",
        "tf.while_loop(cond, body, [x], back_prop=False)",
    ),
    Reason(
        "TM120",
        "inline-source",
        "The source is an expression that makes a new tensor at the call, to which the target "
        "cannot be connected (the old call gives None).",
        "Name the tensor, and use that name in the forward pass.",
        "tf.gradients(y, tf.reshape(x, [-1]))",
    ),
    Reason(
        "TM121",
        "v1-control-flow",
        "The program turns TensorFlow 2 behaviour off, and TensorFlow 1 control flow or a "
        "reference variable is on the path: a tape gives None or raises there.",
        "Call tf.compat.v1.enable_control_flow_v2() and enable_resource_variables(), or drop "
        "disable_v2_behavior().",
        "tf.disable_v2_behavior()\ny = tf.map_fn(f, x)\ng = tf.gradients(y, x)",
    ),
    Reason(
        "TM122",
        "position",
        "The call stands where no block can be put before it: a class body, a default argument, a "
        "decorator, or inside as many blocks as Python allows.",
        "Move the call into a function.",
        "def f(g=tf.gradients(y, x)): ...",
    ),
    Reason(
        "TM123",
        "conditional-target",
        "The target is an expression that is only evaluated under a condition, or over and over; "
        "naming it before the statement would evaluate it always.",
        "Name the target in a statement of its own.",
        "g = tf.gradients(f(x), x) if ready else None",
    ),
    Reason(
        "TM124",
        "looked-up-by-name",
        "The gradient is given a name and tensors are looked up by name in this module; a tape "
        "makes no operations of that name.",
        "Keep the gradient tensor in a variable instead of looking it up.",
        'tf.gradients(y, x, name="dydx"); graph.get_tensor_by_name("dydx/…")',
    ),
    Reason(
        "TM125",
        "contrib",
        "The path uses tf.contrib, which no TensorFlow 2 has.",
        "Replace the tf.contrib function first.",
        "y = tf.contrib.layers.fully_connected(x, 3)",
    ),
    Reason(
        "TM126",
        "depends-on-refused",
        "The target or the source comes from a gradient call that was left alone, or such a call "
        "differentiates the result through TensorFlow's control flow.",
        "Migrate that call too.",
        "g = helper(y, x); h = tf.gradients(g, x)",
    ),
    Reason(
        "TM127",
        "separated",
        "The source, the target and the gradient stand in branches or loops such that no single "
        "block holds the path.",
        "Put the forward pass and the gradient into one block.",
        "if a:\n    y = f(x)\n...\nif a:\n    g = tf.gradients(y, x)",
    ),
    Reason(
        "TM128",
        "several-outputs-call",
        "The source and the target come out of one call; inside it a tape opened here sees "
        "nothing.",
        "Open the tape inside the called function, after the source is made.",
        "x, y = build()\ng = tf.gradients(y, x)",
    ),
    Reason(
        "TM129",
        "batch-jacobian",
        "pfor's batch_jacobian(output, inp) takes the computed output.",
        "Compute the output inside a tape, then tape.batch_jacobian(output, inp).",
        "from tensorflow.python.ops.parallel_for import gradients as pfor\n"
        "j = pfor.batch_jacobian(y, x)",
    ),
    Reason(
        "TM130",
        "expected-exception",
        "The call stands where a test expects an exception or a warning of it (assertRaises, "
        "pytest.raises): a tape raises others, or at another place.",
        "Take the gradient on a tape, look at what it raises, and expect that.",
        "with pytest.raises(ValueError):\n    g = tf.gradients(y, x)",
    ),
    Reason(
        "TM150",
        "spans-cells",
        "In a notebook, the tape would reach over something that is no plain code (markdown, an "
        "output, a magic or shell line) or into a cell that shows something.",
        "Put the forward pass and the gradient into one cell.",
        "# cell 1\ny = f(x)\nplt.plot(y)\n# cell 2\ng = tf.gradients(y, x)",
    ),
    Reason(
        "TM199",
        "internal-error",
        "The tool's own check of the result failed; the file was left as it is.",
        "Please report this with the file.",
        "",
    ),
)
