package image

import "os"

// lock does nothing: Windows does not remove open files, which is protection enough.
func lock(*os.File) bool { return true }

// noWait is no flag: there are no pipes among files.
const noWait = 0
