"""Programs one or two small changes away from the fixtures: where decisions tip over."""
