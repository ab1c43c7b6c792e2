"""From encoded inputs and labels to the weights of a child network."""
