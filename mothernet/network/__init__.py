"""The hypernetwork, the units of the child (generated or constructed), and the output layer that is solved."""
