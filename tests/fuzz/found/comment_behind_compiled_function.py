# expect: equal
import numpy as np
import tensorflow as tf
from tensorflow.keras import backend as K
from tensorflow.keras.layers import Add, BatchNormalization, Conv2D, Dense, Dropout, Flatten, Input
from tensorflow.keras.models import Model


def build():
    inputs = Input(shape=(6, 6, 2))
    conv0 = Conv2D(2, 3, padding='same', activation='tanh', name='conv0')(inputs)
    conv0 = BatchNormalization(name='norm0')(conv0)
    conv0 = Dropout(0.5, name='drop0')(conv0)
    flat = Flatten()(conv0)
    outputs = Dense(1, activation='tanh', name='head')(flat)
    model = Model(inputs, outputs)
    rng = np.random.RandomState(3)
    model.set_weights([rng.uniform(0.1, 0.6, w.shape) for w in model.get_weights()])
    return model


def main(data, flag, n):
    model = build()
    loss0 = model.output[:, 0]  # step 1
    conv_output0 = model.get_layer('conv0').output
    grad0 = K.gradients(loss0, conv_output0)[0]  # step 3
    grad0 = grad0 / (K.sqrt(K.mean(K.square(grad0))) + 1e-5)
    compute = K.function([model.input], [conv_output0, loss0, grad0])  # step 5
    for _ in range(2):
        values = compute([data])  # step 7
        data = data + 0.1 * np.mean(values[-1])
    values = compute([data])  # step 9
    return [np.asarray(value) for value in values]
