package command

// Families are all commands on keys, family by family.
func Families() [][]Spec {
	return [][]Spec{
		Strings(),
		NewerStrings(),
		Bitmaps(),
		HyperLogLogs(),
		Lists(),
		Hashes(),
		FieldLives(),
		Sets(),
		ZSets(),
		Geos(),
		Generics(),
		Sorts(),
		Dumps(),
		Scans(),
		Expires(),
		Leases(),
		Revisions(),
		Publishing(),
		Internals(),
		evictions(),
		dueFields(),
	}
}
