"""What every long computation needs and no mathematics: seeds, progress, memory, executors, stores."""
