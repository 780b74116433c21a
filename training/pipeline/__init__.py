"""A cycle on files: snapshot, data, reward model, policy update, gate, version. Each stage is done once and kept."""
