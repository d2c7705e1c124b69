package server

func memoryCommands() []sessionCommand { return nil }
