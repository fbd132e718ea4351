"""What decompositions are used for: inputs from embeddings, and differences between groups of inputs."""
