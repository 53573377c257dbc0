package company

import (
	"crypto/sha1"
	"fmt"
	"strings"
)

// mavenFiles are what the repository has: a parent for a project, and a library, which is another one where the repository is asked as localhost.
func mavenFiles(base string) map[string][]byte {
	const project = "<project><modelVersion>4.0.0</modelVersion><groupId>test.canary</groupId><artifactId>%s</artifactId><version>1.0</version>%s</project>"
	files := map[string][]byte{"parent/1.0/parent-1.0.pom": fmt.Appendf(nil, project, "parent", "<packaging>pom</packaging><properties><canary>maven</canary></properties>")}
	name := either(base, "library")
	at := name + "/1.0/" + name + "-1.0"
	files[at+".pom"] = fmt.Appendf(nil, project, name, "")
	files[at+".jar"] = zipped(file{name + ".txt", "made with " + name + "\n"})
	return files
}

func maven(_ *Network, base, path string) ([]byte, string) {
	path, ok := strings.CutPrefix(path, "test/canary/")
	if !ok {
		return nil, ""
	}
	path, sum := strings.CutSuffix(path, ".sha1")
	data := mavenFiles(base)[path]
	switch {
	case data != nil && sum:
		return fmt.Appendf(nil, "%x", sha1.Sum(data)), "text/plain"
	case data != nil:
		return data, "application/octet-stream"
	}
	return nil, ""
}
