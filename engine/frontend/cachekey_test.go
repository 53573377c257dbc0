package frontend

import (
	"testing"

	"github.com/moby/buildkit/frontend/dockerui"

	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// A file in a repository cannot name the cache directories of another repository or of a directory; whoever builds can.
func TestCacheKeys(t *testing.T) {
	key := func(remote, saved, namespace string) string {
		b := &build{Client: &dockerui.Client{}, context: source{remote: remote}}
		b.CacheIDNamespace = namespace
		return b.cacheKey(&plan.Plan{BuildImage: "x"}, saved)
	}
	const mine, theirs = "https://git.example/mine.git", "https://git.example/theirs.git"
	victims := []string{key(theirs, "", ""), key(theirs, "shop", ""), key("", "shop", ""), key("", "", "")}
	for _, saved := range append(victims, "shop", "", "../"+victims[0]) {
		for _, v := range victims {
			if got := key(mine, saved, ""); got == v {
				t.Errorf("a file with the key %q reaches %s", saved, v)
			}
		}
	}
	if a, again := key(mine, "a", ""), key(mine, "a", ""); a == key(mine, "b", "") || a != again {
		t.Error("keys of one repository are not what its file says")
	}
	if got := key(mine, "shop", "chosen"); got != "chosen" {
		t.Errorf("who builds chose another key than %s", got)
	}
}
