// Go wants an assembly file beside a function without a body: see logdb.go.
