//go:build !unix

package budget

import "time"

func processorTime() time.Duration { return -1 }
