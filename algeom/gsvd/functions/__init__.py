"""What is decomposed: functions of batches, networks as layers, sets of inputs."""
