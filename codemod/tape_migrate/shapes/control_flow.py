"""TODO."""


def compile_control_flow(module, tracked, options):
    return None
