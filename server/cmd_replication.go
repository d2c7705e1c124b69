package server

func replicationCommands() []sessionCommand { return nil }
