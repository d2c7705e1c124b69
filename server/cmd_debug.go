package server

func debugCommands() []sessionCommand { return nil }
