"""What the examples of the catalogue look like once a person has done what it advises.

``tape-migrate explain`` shows them below the examples. Calls of ``tf.gradients`` that are left in
one are such as the tool migrates.
"""

from __future__ import annotations

_TAPE = "with tf.GradientTape() as tape:\n    tape.watch(x)\n    y = f(x)\n"
_SUB_MODEL = (
    "features = tf.keras.Model(model.input, [layer.output, model.output])\n"
    "with tf.GradientTape() as tape:\n"
    "    inner, output = features(images)\n"
    "    loss = tf.reduce_mean(output)\n"
    "grads = tape.gradient(loss, inner)"
)

BY_HAND = {
    "TM001": "g = tf.gradients(y, x)",
    "TM002": "tape-migrate src",
    "TM003": "tape-migrate --review src  # and answer y",
    "TM004": "g = tape.gradient(y, x)",
    "TM005": "tape-migrate src",
    "TM101": "def grad(tape, y, x):\n    return tape.gradient(y, x)\n\n"
    f"{_TAPE}g = grad(tape, y, x)  # in the caller",
    "TM102": "with tf.GradientTape() as tape:\n    tape.watch(x)\n"
    "    loss = self.compute_loss(x)\ng = tape.gradient(loss, x)",
    "TM103": "def f(self, x):\n    with tf.GradientTape() as tape:\n        tape.watch(x)\n"
    "        y = self.compute(x)\n    return tape.gradient(y, [x])",
    "TM104": "y = f(x)\nshifted = x + 1\ng = tf.gradients(y, x)",
    "TM105": "def penalty(x):\n    h = x * x\n    return tf.gradients(h * x, x)",
    "TM106": "with tf.GradientTape() as tape:\n    loss = compute_loss(model, batch)\n"
    "grads = tape.gradient(loss, model.trainable_variables)",
    "TM107": _SUB_MODEL,
    "TM108": "with tf.GradientTape() as tape:\n    loss = compute_loss(batch)\n"
    "grads = tape.gradient(loss, var_list)\n"
    "optimizer.apply_gradients(zip(grads, var_list))",
    "TM109": "@tf.custom_gradient\ndef guided_relu(x):\n    y = tf.nn.relu(x)\n\n"
    "    def grad(dy):\n        return tf.where((x > 0) & (dy > 0), dy, tf.zeros_like(dy))\n\n"
    "    return y, grad",
    "TM110": "block = tf.recompute_grad(block)",
    "TM111": f"{_TAPE}g = tape.gradient(y, [x])  # eagerly and in graphs",
    "TM112": "h = tf.tanh(x)\ng = tf.gradients(h, x)",
    "TM113": "y = f(x)\ng = tf.gradients(y, x, grad_ys=weights)",
    "TM114": "u, v = tf.split(z, 2)\ny = tf.stop_gradient(u) * v\ng = tf.gradients(y, z)",
    "TM115": "def slope(x):\n    y = f(x)\n    return tf.gradients(y, x)",
    "TM116": "def slope(x):\n    y = f(x)\n    return tf.gradients(y, x)\n\nreturn slope",
    "TM117": "with tf.GradientTape() as tape:\n    tape.watch(x)\n    for i in tf.range(n):\n"
    "        y = y * x\ng = tape.gradient(y, [x])",
    "TM118": "y = v * v\ng = tf.gradients(y, v)",
    "TM119": "(y,) = tf.while_loop(cond, body, [x])\ny = tf.stop_gradient(y)",
    "TM120": "flat = tf.reshape(x, [-1])\ny = f(flat)\ng = tf.gradients(y, flat)",
    "TM121": "tf.compat.v1.enable_control_flow_v2()\ntf.compat.v1.enable_resource_variables()\n"
    "y = tf.map_fn(f, x)\ng = tf.gradients(y, x)",
    "TM122": "def slope(x):\n    y = f(x)\n    return tf.gradients(y, x)",
    "TM123": "y = f(x)\ng = tf.gradients(y, x) if ready else None",
    "TM124": "y = f(x)\ng = tf.gradients(y, x)  # and hand g on",
    "TM125": "y = tf.keras.layers.Dense(3)(x)",
    "TM126": "with tf.GradientTape() as outer:\n    outer.watch(x)\n"
    "    with tf.GradientTape() as tape:\n        tape.watch(x)\n        y = f(x)\n"
    "    g = tape.gradient(y, x)\nh = outer.gradient(g, x)",
    "TM127": "if a:\n    y = f(x)\n    g = tf.gradients(y, x)",
    "TM128": "def build():\n    x = make_input()\n    with tf.GradientTape() as tape:\n"
    "        tape.watch(x)\n        y = f(x)\n    return x, y, tape.gradient(y, [x])\n\n"
    "x, y, g = build()",
    "TM129": f"{_TAPE}j = tape.batch_jacobian(y, x)",
    "TM130": f"{_TAPE}with pytest.raises(AttributeError):\n    g = tape.gradient(y, 'x')",
    "TM140": _SUB_MODEL,
    "TM141": "loss = K.mean(model.output)\n"
    "self.f = K.function([model.input], K.gradients(loss, model.input))",
    "TM142": "index = np.random.randint(10)\nloss = K.mean(model.output[:, index])\n"
    "f = K.function([model.input], K.gradients(loss, model.input))",
    "TM143": "loss = K.mean(model.output)\n"
    "f = K.function([model.input], [loss, *K.gradients(loss, model.input)])\n"
    "value, grads = f([images])",
    "TM144": "scale = 1.0\nf = K.function([x], K.gradients(scale * model(x), x))\n"
    "settings['scale'] = 2.0",
    "TM145": "f = K.function([x], [loss, grads])\nvalue, gradient = f([images])\n"
    "w.assign(w - rate * gradient)",
    "TM146": "f = K.function([model.input], K.gradients(loss, model.input))  # eagerly",
    "TM150": "# one cell\ny = f(x)\ng = tf.gradients(y, x)\n# the next one\nplt.plot(y)",
}
"""By code."""
