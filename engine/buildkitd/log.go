package buildkitd

import (
	"io"
	"log"

	"github.com/sirupsen/logrus"
)

// SetLog redirects the logs of BuildKit, its client and the libraries below them. They all use global loggers: logrus,
// and package log, to which http2 writes a line for every session that ends. A nil w discards the logs.
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
