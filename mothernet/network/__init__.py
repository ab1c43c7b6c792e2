"""The hypernetwork, the units of the child that it emits or that are drawn, and the output layer that is solved."""
