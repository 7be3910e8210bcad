"""Where in a model an answer stands: linear probes of its states, layer by layer."""
