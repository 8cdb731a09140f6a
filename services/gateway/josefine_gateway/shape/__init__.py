"""Records of the pipeline -> messages of the protocols. Pure: values in, values out, no clock, no network."""
