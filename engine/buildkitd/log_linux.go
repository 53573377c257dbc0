package buildkitd

import (
	"io"

	"github.com/sirupsen/logrus"
)

// setLog routes the log of BuildKit and containerd, which all goes through logrus' one standard logger.
func setLog(o Options) {
	w, level := io.Discard, logrus.ErrorLevel
	if o.Log != nil {
		w, level = o.Log, logrus.InfoLevel
	}
	if o.Debug {
		level = logrus.DebugLevel
	}
	logrus.SetOutput(w)
	logrus.SetLevel(level)
}
