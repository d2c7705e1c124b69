package server

func miscellany() []sessionCommand { return nil }
