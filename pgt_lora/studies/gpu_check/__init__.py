"""What only a GPU can tell, in one command: does it run, how fast, in how much memory, and which levers pay."""
