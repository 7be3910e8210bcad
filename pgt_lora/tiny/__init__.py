"""The small models that ship with the project: how they are built and what they were taught."""
