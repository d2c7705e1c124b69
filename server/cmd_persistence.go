package server

func persistenceCommands() []sessionCommand { return nil }
