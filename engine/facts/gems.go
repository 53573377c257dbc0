package facts

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/lazy"
)

var (
	gemOthers = lazy.Regexp(`!=\s*[^\s,]+`)
	gemWords  = strings.NewReplacer(" or ", " || ", " and ", ", ")
	gemClause = lazy.Regexp(`(~>|[<>]=?|==?)?\s*\b(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?`)
)

// parseGemRange parses a range such as "~> 1.2, != 1.2.3" as RubyGems, Shards and Mix do, by translating it to npm's syntax.
// Missing parts of a version are 0 in a comparison. ~> pins all parts but the last. Versions excluded by != are not excluded.
func parseGemRange(s string) ([]interval, bool) {
	s = gemWords.Replace(gemOthers().ReplaceAllString(s, ""))
	return parseRange(gemClause().ReplaceAllStringFunc(s, func(clause string) string {
		m := gemClause().FindStringSubmatch(clause)
		whole := fmt.Sprintf("%s.%s.%s", m[2], cmp.Or(m[3], "0"), cmp.Or(m[4], "0"))
		switch {
		case m[1] != "~>":
			return m[1] + whole
		case m[4] != "":
			return "~" + whole
		}
		major, _ := strconv.Atoi(m[2])
		return fmt.Sprintf(">=%s <%d", whole, major+1)
	}))
}
