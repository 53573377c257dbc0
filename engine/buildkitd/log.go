package buildkitd

import (
	"io"
	"log"

	"github.com/sirupsen/logrus"
)

// SetLog routes what BuildKit, its client and the libraries below them log, all of it to global loggers: logrus, and
// http2's use of package log, which has words for every session that ends. A nil w drops it.
func SetLog(w io.Writer, debug bool) {
	level := logrus.InfoLevel
	if w == nil {
		w, level = io.Discard, logrus.ErrorLevel
	}
	if debug {
		level = logrus.DebugLevel
	}
	logrus.SetOutput(w)
	logrus.SetLevel(level)
	log.SetOutput(w)
}
