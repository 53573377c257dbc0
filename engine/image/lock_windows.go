package image

import "os"

// lock: an open file cannot be removed on Windows, which is protection enough.
func lock(*os.File) bool { return true }
